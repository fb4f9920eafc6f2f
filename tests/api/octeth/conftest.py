"""A client of the command API: sends what the documents print, and reads the answer."""

import json
from dataclasses import dataclass

import pytest
from django.test import Client

from accounts import keys
from accounts.actors import SYSTEM
from accounts.models import Membership, Organization, User
from campaigns.models import State
from delivery.models import Batch, Recipient
from tests.factories import MembershipFactory, OrganizationFactory, campaign_in
from tests.stats.populations import NINE


def key_of(user):
    """An API key of this person's only membership, in plain text."""
    return keys.issue(Membership.objects.get(user=user), name="client", by=SYSTEM)[1]


def read(answer):
    """The body of an answer, streamed or not."""
    return json.loads(b"".join(answer))


class Wire:
    """`send` posts a form to /api.php with the key; `answer` is the parsed body."""

    def __init__(self, key=""):
        self.key = key
        self.client = Client(enforce_csrf_checks=True)

    def __call__(self, command, **parameters):
        return read(self.send(command, **parameters))

    def send(self, command, **parameters):
        return self.client.post("/api.php", self._with_key({"Command": command, **parameters}))

    def json(self, command, **parameters):
        body = json.dumps(self._with_key({"Command": command, **parameters}))
        return self.client.post("/api.php", body, content_type="application/json").json()

    def v1(self, command, method="post", **parameters):
        return getattr(self.client, method)(f"/api/v1/{command}", self._with_key(parameters))

    def _with_key(self, parameters):
        return {"APIKey": self.key, **parameters} if self.key else parameters


@pytest.fixture(scope="module")
def desk(shared_db):
    """Alice and Bob with their keys, once for all tests of a module that says `usefixtures("desk")`.

    Who counts the people or the keys of the organization lets each test have its own.
    """
    with shared_db():
        organization = OrganizationFactory(name="Morning Post", slug="morning-post")
        of = {"organization": organization, "user__username": "alice"}
        alice = MembershipFactory(**of, role="admin", trusted=True).user
        bob = MembershipFactory(**{**of, "user__username": "bob"}, role="manager", trusted=True).user
        return Desk(organization.pk, {"alice": key_of(alice), "bob": key_of(bob)})


@dataclass(frozen=True)
class Desk:
    organization: int
    keys: dict[str, str]


@pytest.fixture
def organization(request, db):
    if "desk" in request.fixturenames:
        return Organization.objects.get(pk=request.getfixturevalue("desk").organization)
    return OrganizationFactory(name="Morning Post", slug="morning-post")


def _person(request, name, role):
    if "desk" in request.fixturenames:
        return User.objects.get(username=name)
    organization = request.getfixturevalue("organization")
    return MembershipFactory(organization=organization, user__username=name, role=role, trusted=True).user


@pytest.fixture
def alice(request, db):
    return _person(request, "alice", "admin")


@pytest.fixture
def bob(request, db):
    return _person(request, "bob", "manager")


def _wire(request, name):
    if "desk" in request.fixturenames:
        return Wire(request.getfixturevalue("desk").keys[name])
    return Wire(key_of(request.getfixturevalue(name)))


@pytest.fixture
def wire(request, db):
    """A trusted marketer's program."""
    return _wire(request, "bob")


@pytest.fixture
def admin_wire(request, db):
    """A program of the organization's administrator."""
    return _wire(request, "alice")


@pytest.fixture
def anybody(db):
    """A program without a credential."""
    return Wire()


@pytest.fixture
def failed(organization, alice):
    """Sent, with two people whose message failed and one who got it."""
    campaign = campaign_in(State.SENT, organization)
    run = campaign.runs.get()
    run.planned, run.sent, run.failed = 3, 1, 2
    run.save()
    batch = Batch.objects.create(run=run, number=1, state="done")
    for number, state in enumerate(["sent", "failed", "failed"]):
        person = campaign.audience.get().mailing_list.subscriptions.order_by("pk")[number].subscriber
        Recipient.objects.create(
            run=run,
            subscriber=person,
            batch=batch,
            variant=campaign.variants.get(),
            address=person.email,
            state=state,
            settled_at=NINE,
        )
    return campaign

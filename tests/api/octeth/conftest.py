"""A client of the command API: sends what the documents print, and reads the answer."""

import json

import pytest
from django.test import Client

from accounts import keys
from accounts.actors import SYSTEM
from accounts.models import Membership
from campaigns.models import State
from delivery.models import Batch, Recipient
from tests.factories import campaign_in
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


@pytest.fixture
def wire(bob):
    """A trusted marketer's program."""
    return Wire(key_of(bob))


@pytest.fixture
def admin_wire(alice):
    """A program of the organization's administrator."""
    return Wire(key_of(alice))


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

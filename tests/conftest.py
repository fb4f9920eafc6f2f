"""What every test may ask for: an organization with its people, and doors to act through."""

import gc

import hypothesis
import pytest
from django.db import connection
from django.dispatch import receiver
from django.test.signals import setting_changed

from accounts.actors import Actor, Surface
from delivery.rendering import compiled
from tests.examples import examples
from tests.factories import MembershipFactory, OrganizationFactory

# How long one example takes says something about the machine, and nothing about the rule it tries.
hypothesis.settings.register_profile("broadsheet", deadline=None, max_examples=examples(100))
hypothesis.settings.load_profile("broadsheet")


@receiver(setting_changed)
def forget_what_other_keys_signed(setting, **_):
    """A process keeps its keys as long as it keeps compiled mails; a test may change them, and runs use ids again."""
    if setting == "TRACKING_KEYS":
        compiled.cache_clear()


def pytest_collection_finish():
    """Thousands of collected tests are not garbage: spare every collection the walk over them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture
def organization(db):
    """Alice's organization, where only untrusted members need approval."""
    return OrganizationFactory(name="Morning Post", slug="morning-post")


@pytest.fixture
def alice(organization):
    """An administrator."""
    return MembershipFactory(organization=organization, user__username="alice", role="admin", trusted=True).user


@pytest.fixture
def bob(organization):
    """A trusted marketer: his campaigns need no approval."""
    return MembershipFactory(organization=organization, user__username="bob", role="manager", trusted=True).user


@pytest.fixture
def dora(organization):
    """A marketer who is not trusted yet."""
    return MembershipFactory(organization=organization, user__username="dora", role="manager").user


@pytest.fixture
def erin(organization):
    """An approver."""
    return MembershipFactory(organization=organization, user__username="erin", role="approver").user


@pytest.fixture
def victor(organization):
    """A viewer."""
    return MembershipFactory(organization=organization, user__username="victor", role="viewer").user


@pytest.fixture
def charlie(db):
    """A stranger: an administrator of another organization."""
    return MembershipFactory(
        organization__name="Evening Star", organization__slug="evening-star", user__username="charlie", role="admin"
    ).user


def acting(user, surface=Surface.ADMIN):
    return Actor(user=user, surface=surface)


@pytest.fixture(autouse=True)
def own_spool(settings, tmp_path):
    """A spool of its own for each test, so that none reads another's hits."""
    settings.SPOOL_DIR = tmp_path / "spool"
    return settings.SPOOL_DIR


@pytest.fixture(autouse=True)
def refused_links(monkeypatch):
    """Why pages refused links in this test. A count of the process would be written into the next test's spool."""
    counted = []

    class Counted:
        def count(self, why, address):
            counted.append(why)

    monkeypatch.setattr("tracking.private_pages.REFUSALS", Counted())
    return counted


@pytest.fixture
def worker(settings, tmp_path):
    """Delivery's tasks run as soon as they are queued; without it they wait for ever."""
    settings.JOURNAL_DIR = tmp_path / "journal"


@pytest.fixture(autouse=True)
def _delivery_waits(request, monkeypatch):
    """A campaign that a test starts is frozen and sent only where the test asks for a `worker`."""
    if "worker" not in request.fixturenames:
        monkeypatch.setattr("delivery.tasks.queue", lambda task, pk: None)


@pytest.fixture(autouse=True)
def _people_go_before_their_consent(request):
    """SQLite's flush empties tables in any order, and the database deletes no consent of somebody who is there, and
    nothing of what was lifted in an organization that is."""
    mark = request.node.get_closest_marker("django_db")
    committed = {"transactional_db", "live_server"} & set(request.fixturenames)
    if connection.vendor != "sqlite" or not (committed or (mark and mark.kwargs.get("transaction"))):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("DELETE FROM audience_subscriber")
        cursor.execute("DELETE FROM accounts_organization")
        cursor.execute("PRAGMA foreign_keys = ON")

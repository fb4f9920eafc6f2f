"""What every test may ask for: an organization with its people, and doors to act through."""

import gc
import itertools
import os
import subprocess
import sys

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.dispatch import receiver
from django.test import TransactionTestCase
from django.test.signals import setting_changed

from accounts.actors import Actor, Surface
from campaigns.models import Campaign
from delivery.rendering import compiled
from tests.databases import template_for
from tests.examples import examples
from tests.factories import PATHS, MembershipFactory, OrganizationFactory, campaign_in

SPOOLS = itertools.count()
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


@pytest.fixture(scope="session")
def django_db_setup(
    request, tmp_path_factory, django_test_environment, django_db_blocker, django_db_keepdb, django_db_createdb,
    django_db_modify_db_settings,
):  # fmt: skip
    """A copy of the migrated database; `--reuse-db` leaves it there to be looked at, `--create-db` migrates anew."""
    cache = getattr(request.config, "cache", None)
    template = template_for(connection, cache.mkdir("migrated") if cache else _beside(tmp_path_factory))
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        template.copy(connection.creation._get_test_db_name(), anew=django_db_createdb)
    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "sqlite":
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: template.restore())
        yield template
    with django_db_blocker.unblock():
        connection.creation.destroy_test_db(before, verbosity=0, keepdb=django_db_keepdb)


def _beside(tmp_path_factory):
    """A folder all workers of this run know, where nothing is kept between runs (`-p no:cacheprovider`)."""
    folder = tmp_path_factory.getbasetemp().parent / "migrated"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def migrated_file(django_db_setup, tmp_path_factory):
    """A migrated SQLite database, to be copied by whoever starts programs of their own."""
    if connection.vendor == "sqlite":
        return django_db_setup.file
    folder = tmp_path_factory.mktemp("installation")
    environment = {**os.environ, "VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True)
    return folder / "broadsheet.sqlite3"


@pytest.fixture(scope="module")
def shared_db(request, django_db_setup, django_db_blocker):
    """For what all tests of a module look at: `with shared_db(): ...` in a fixture of the module makes it once.

    A test that asks for `db` as well changes it as it likes: its changes go when it ends, the rest when the module
    does. Objects in memory do not go back: give each test its own, from the database.
    """
    committing = [item.name for item in request.session.items if item.path == request.path and _commits(item)]
    assert not committing, f"These commit what others look at: {committing}"
    transaction_of_the_module = transaction.atomic()
    with django_db_blocker.unblock():
        transaction_of_the_module.__enter__()
    yield django_db_blocker.unblock
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        transaction_of_the_module.__exit__(None, None, None)


def _commits(item):
    mark = item.get_closest_marker("django_db")
    return {"transactional_db", "live_server"} & set(item.fixturenames) or (mark and mark.kwargs.get("transaction"))


@pytest.fixture(scope="module")
def walked(shared_db):
    """`walked("sent")` is a campaign of the organization that has walked there: once for all tests of a module.

    For tests that look at what one campaign does. Who lists campaigns, or wants one of a special kind, takes
    `campaign_in`.
    """
    with shared_db():
        organization = OrganizationFactory(name="Morning Post", slug="morning-post-walked")
        there = {state: campaign_in(state, organization).pk for state in PATHS}
    return lambda state: Campaign.objects.get(pk=there[state])


@pytest.fixture
def organization(request, db):
    """Alice's organization, where only untrusted members need approval."""
    if "walked" in request.fixturenames:
        return request.getfixturevalue("walked")("draft").organization
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
def own_spool(settings, tmp_path_factory):
    """A spool of its own for each test, so that none reads another's hits."""
    folder = tmp_path_factory.getbasetemp() / f"of-test-{next(SPOOLS)}"  # `tmp_path` would do, at ten times the price
    folder.mkdir()
    settings.SPOOL_DIR = folder / "spool"
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
def worker(settings, own_spool):
    """Delivery's tasks run as soon as they are queued; without it they wait for ever."""
    settings.JOURNAL_DIR = own_spool.parent / "journal"


@pytest.fixture(autouse=True)
def _delivery_waits(request, monkeypatch):
    """A campaign that a test starts is frozen and sent only where the test asks for a `worker`."""
    if "worker" not in request.fixturenames:
        monkeypatch.setattr("delivery.tasks.queue", lambda task, pk: None)

"""Erasing a person while others write about them."""

import pytest
from django.db import connection

from accounts.actors import SYSTEM
from audience import privacy
from audience.errors import MailOnItsWay
from audience.models import Subscriber
from campaigns import lifecycle
from campaigns.models import State
from delivery import freeze as freezing
from delivery import tasks
from delivery.models import Recipient
from tests.factories import draft_campaign, staff
from tests.races import RACE, in_another_connection

pytestmark = RACE


@pytest.fixture
def campaign():
    return draft_campaign(people=3)


@pytest.fixture
def person(campaign):
    return Subscriber.objects.earliest("pk")


def sent_and_frozen(campaign):
    lifecycle.send_now(campaign, by=staff(campaign.organization))
    tasks.freeze_run(campaign.pk)


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)"
        )
        return cursor.fetchone()[0]


def test_who_is_being_erased_is_in_no_audience_that_is_fixed_meanwhile(campaign, person, monkeypatch):
    """The campaign starts when erasing has looked at what there is, and before the person is gone."""
    record = privacy._record
    others = []

    def and_meanwhile(*args):
        others.append(in_another_connection(lambda: sent_and_frozen(campaign)))
        while not others[0].done() and not somebody_waits():
            pass
        return record(*args)

    monkeypatch.setattr(privacy, "_record", and_meanwhile)
    privacy.erase(person, by=SYSTEM)
    [other.result(timeout=30) for other in others]

    campaign.refresh_from_db()
    assert (campaign.state, campaign.user_count) == (State.SENDING, 2)
    assert Recipient.objects.filter(subscriber=None).count() == 0
    assert not Recipient.objects.filter(address=person.email).exists()


def test_nobody_is_erased_while_an_audience_is_being_fixed(campaign, person, monkeypatch):
    """The audience is written, and nobody else can see it yet."""
    freeze = lifecycle.freeze
    refused = []

    def and_meanwhile(*args, **kwargs):
        erasing = in_another_connection(lambda: privacy.erase(person, by=SYSTEM))
        refused.append(erasing.exception(timeout=30))
        return freeze(*args, **kwargs)

    monkeypatch.setattr(freezing.lifecycle, "freeze", and_meanwhile)
    sent_and_frozen(campaign)

    campaign.refresh_from_db()
    assert [type(each) for each in refused] == [MailOnItsWay]
    assert (campaign.state, Recipient.objects.filter(subscriber=person).count()) == (State.SENDING, 1)


def test_two_people_are_erased_at_once(campaign):
    people = list(Subscriber.objects.order_by("pk"))

    erasing = [in_another_connection(lambda each=each: privacy.erase(each, by=SYSTEM)) for each in people]

    assert [each.exception(timeout=30) for each in erasing] == [None] * 3
    assert not Subscriber.objects.exists()

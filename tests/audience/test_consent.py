"""Every change of a status leaves a line in the consent log, whatever door it came through."""

import pytest
from django.core import signing
from django.test import Client

from accounts.actors import Actor, Surface
from audience import consent, people, privacy, subscriptions
from audience.consent import Evidence
from audience.errors import NotAllowed, StaysOut
from audience.models import ConsentEvent, Subscription
from campaigns.drafts import Part
from campaigns.models import CampaignRun
from content.tokens import Purpose, recipient_token
from tests.conftest import acting
from tests.factories import MailingListFactory, SubscriptionFactory, draft_campaign
from tracking.pages import UNDO_SALT

pytestmark = pytest.mark.django_db

Status = Subscription.Status


@pytest.fixture
def row(organization):
    return SubscriptionFactory(mailing_list__organization=organization, subscriber__email="ann@example.com")


def link(row):
    campaign = draft_campaign(row.mailing_list.organization, people=0, audience=[Part(mailing_list=row.mailing_list)])
    run = CampaignRun.objects.create(campaign=campaign)
    token = recipient_token(Purpose.UNSUBSCRIBE, run_id=run.pk, recipient_id=1, subscriber_id=row.subscriber_id)
    return f"/u/{token}"


def by_page(row):
    Client().post(link(row), {"confirm": "1"}, REMOTE_ADDR="192.0.2.1")


def by_one_click(row):
    Client().post(link(row), {"List-Unsubscribe": "One-Click"}, REMOTE_ADDR="192.0.2.1")


def by_undo(row):
    consent.move([row], Status.UNSUBSCRIBED, Evidence(source="before"))
    Client().post(link(row), {"undo": signing.dumps([row.subscriber_id, [row.pk]], salt=UNDO_SALT)})


def by_program(row):
    subscriptions.unsubscribe(row.subscriber, source="api", ip_address="192.0.2.1")


def by_bounce(row):
    subscriptions.bounce(row.subscriber, source="ingest")


def by_complaint(row):
    subscriptions.complain(row.subscriber, source="ingest")


DOORS = [
    (by_page, "unsubscribed", "page"),
    (by_one_click, "unsubscribed", "one-click"),
    (by_undo, "subscribed", "page"),
    (by_program, "unsubscribed", "api"),
    (by_bounce, "bounced", "ingest"),
    (by_complaint, "complained", "ingest"),
]


@pytest.mark.parametrize(("door", "kind", "source"), DOORS, ids=[door.__name__ for door, _, _ in DOORS])
def test_each_door_leaves_a_line(row, door, kind, source):
    door(row)

    event = ConsentEvent.objects.latest("pk")
    row.refresh_from_db()
    assert (event.kind, event.source, event.subscriber_id) == (kind, source, row.subscriber_id)
    assert (event.mailing_list, event.list_name) == (row.mailing_list, row.mailing_list.name)
    assert row.status == kind
    assert ConsentEvent.objects.exclude(source="before").count() == 1


def test_what_changes_nothing_leaves_no_line(row):
    subscriptions.subscribe(row.mailing_list, email="ann@example.com", source="api")
    subscriptions.unsubscribe(row.subscriber, mailing_lists=[], source="api")
    subscriptions.come_back(row.subscriber, [row.pk], source="page")
    subscriptions.give_back_bounced(row.subscriber, Evidence(source="api"))

    assert not ConsentEvent.objects.exists()


def test_a_line_says_when_the_person_said_so_and_who_wrote_it_down(organization, alice):
    mailing_list = MailingListFactory(organization=organization)

    subscriptions.subscribe(
        mailing_list,
        email="ann@example.com",
        source="fair-2026",
        at="2026-03-01T10:00Z",
        wording="Send me the weekly letter.",
        by=alice,
    )

    event = ConsentEvent.objects.get()
    assert (f"{event.at:%Y-%m-%d}", event.by, event.wording) == ("2026-03-01", alice, "Send me the weekly letter.")
    assert event.recorded_at > event.at
    assert f"{Subscription.objects.get().subscribed_at:%Y-%m-%d}" == "2026-03-01"


def test_a_line_is_written_with_the_change_or_not_at_all(row, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("The disk is full.")

    monkeypatch.setattr(ConsentEvent.objects, "bulk_create", fail)

    with pytest.raises(RuntimeError):
        subscriptions.unsubscribe(row.subscriber, source="api")

    row.refresh_from_db()
    assert row.status == "subscribed"


@pytest.mark.parametrize("before", ["subscribed", "unconfirmed"])
def test_a_bounce_that_is_reset_gives_back_what_there_was(organization, alice, before):
    at = "2026-01-01T00:00Z" if before == "subscribed" else None
    row = SubscriptionFactory(
        mailing_list__organization=organization, status=before, subscribed_at=at, source="fair", ip_address="192.0.2.1"
    )
    subscriptions.bounce(row.subscriber, source="ingest")

    assert subscriptions.reset_bounce(row.subscriber, by=acting(alice), wording="She called.") == 1

    row.refresh_from_db()
    assert (row.status, row.source, row.ip_address) == (before, "fair", "192.0.2.1")
    event = ConsentEvent.objects.latest("pk")
    assert (event.by, event.wording) == (alice, "She called.")


def test_not_everybody_resets_a_bounce(row, victor):
    subscriptions.bounce(row.subscriber, source="ingest")

    with pytest.raises(NotAllowed):
        subscriptions.reset_bounce(row.subscriber, by=acting(victor))
    assert subscriptions.reset_bounce(row.subscriber, by=Actor(user=None, surface=Surface.SYSTEM)) == 1


def test_a_new_address_ends_a_bounce_and_another_number_does_not(row):
    subscriptions.bounce(row.subscriber, source="ingest")

    people.change(row.subscriber, {"phone": "+4520123456"})
    row.refresh_from_db()
    assert row.status == "bounced"
    people.change(row.subscriber, {"email": "ann@new.example"})

    row.refresh_from_db()
    assert row.status == "subscribed"
    assert ConsentEvent.objects.latest("pk").source == "address changed"


def test_an_erased_address_is_nobodys(row, alice):
    other = SubscriptionFactory(mailing_list=row.mailing_list).subscriber
    privacy.erase(row.subscriber, by=acting(alice))

    with pytest.raises(StaysOut):
        people.change(other, {"email": "ann@example.com"})
    with pytest.raises(StaysOut):
        people.create(row.mailing_list.organization, email="ann@example.com")


def test_a_bounce_ends_nothing_that_ended_before(organization):
    row = SubscriptionFactory(
        mailing_list__organization=organization, status="unsubscribed", unsubscribed_at="2026-01-01T00:00Z"
    )

    assert subscriptions.bounce(row.subscriber, source="ingest") == 0
    assert subscriptions.complain(row.subscriber, source="ingest") == 1
    assert subscriptions.complain(row.subscriber, source="ingest") == 0

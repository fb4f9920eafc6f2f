from datetime import timedelta

import pytest
from django.db import transaction

from accounts.actors import Actor, Surface
from audience import privacy, subscriptions
from audience.models import ConsentEvent, Subscriber, Subscription, Suppression
from delivery.models import Recipient
from stats import consequences
from stats.classification import of_hit
from stats.counting import Judged, known_recipients
from stats.ingest import ingest
from stats.models import Counter, Engagement, Event
from tests.factories import MailingListFactory, OrganizationFactory
from tests.races import at_once, race
from tests.stats.populations import NINE, a_run, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db
SYSTEM = Actor(user=None, surface=Surface.SYSTEM)


@pytest.fixture
def run(organization):
    """Two people, each on two lists."""
    run = a_run(people=2, organization=organization)
    lists = [MailingListFactory(organization=organization) for _ in range(2)]
    for each in Subscriber.objects.all():
        for mailing_list in lists:
            Subscription.objects.create(mailing_list=mailing_list, subscriber=each)
    return run


@pytest.fixture
def reader(run):
    return run.recipients.first()


def again(reader, number):
    """The same person in another run of the same campaign."""
    run = a_run(people=0, number=number, campaign=reader.run.campaign)
    return Recipient.objects.create(
        run=run, subscriber=reader.subscriber, variant=reader.variant, address=reader.address, state="sent"
    )


def bounce(reader, kind="hard", *, minutes=0, key=None, origin="remote"):
    data = {"type": kind, "code": "100", "origin": origin, "key": key or f"{reader.pk} {minutes} {kind}"}
    spool.append(hit(reader, HitKind.BOUNCED, minutes=minutes, data=data))
    ingest()


def complain(reader, key="c"):
    spool.append(hit(reader, HitKind.COMPLAINED, data={"key": key}))
    ingest()


def statuses(reader):
    return set(reader.subscriber.subscriptions.values_list("status", flat=True))


def ended(kind):
    return sum(Counter.objects.filter(kind=kind).values_list("total", flat=True))


# --- hard bounces ------------------------------------------------------------------------------------------------


def test_a_hard_bounce_ends_all_subscriptions_and_suppresses_the_address(reader):
    bounce(reader)

    assert statuses(reader) == {"bounced"}
    suppression = Suppression.objects.get()
    assert (suppression.value, suppression.reason, suppression.scope) == (reader.address, "bounced", "system")
    assert ended("bounce_ended") == 2
    log = ConsentEvent.objects.filter(subscriber=reader.subscriber)
    assert [(each.kind, each.source, each.at) for each in log] == [("bounced", "bounce", NINE)] * 2


def test_nobody_else_is_touched(reader, run):
    bounce(reader)

    assert statuses(run.recipients.last()) == {"subscribed"}


def test_a_second_bounce_ends_nothing_more(reader):
    bounce(reader)
    bounce(reader, minutes=5)

    assert ended("bounce_ended") == 2
    assert Event.objects.filter(data__has_key="ended").count() == 1
    assert Suppression.objects.count() == 1


def test_two_bounces_of_one_person_in_one_chunk_end_once(reader):
    for minute in (0, 1):
        spool.append(hit(reader, HitKind.BOUNCED, minutes=minute, data={"type": "hard", "key": str(minute)}))
    ingest()

    assert ended("bounce_ended") == 2


def test_who_has_another_address_by_now_stays_subscribed(reader):
    Subscriber.objects.filter(pk=reader.subscriber_id).update(email="new@reader.example")
    bounce(reader)

    assert statuses(reader) == {"subscribed"}
    assert Suppression.objects.get().value == reader.address


@pytest.mark.parametrize(("scope", "found"), [("organization", ["organization"]), ("nothing", [])])
def test_where_a_hard_bounce_is_suppressed_is_a_setting(reader, settings, scope, found):
    settings.HARD_BOUNCE_SUPPRESSES = scope
    bounce(reader)

    assert [each.scope for each in Suppression.objects.all()] == found
    assert statuses(reader) == {"bounced"}


def test_a_bounce_for_another_reason_ends_nothing(reader):
    bounce(reader, "other")

    assert statuses(reader) == {"subscribed"}
    assert not Suppression.objects.exists()


def test_the_bounce_of_somebody_erased_ends_nothing(reader):
    privacy.erase(reader.subscriber, by=SYSTEM)
    bounce(reader)

    assert Event.objects.filter(kind="bounced").count() == 1
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("people", [3, 30])
def test_many_bounces_cost_as_many_queries_as_a_few(organization, people, own_spool, django_assert_max_num_queries):
    run = a_run(people=people, organization=organization)
    mailing_list = MailingListFactory(organization=organization)
    Subscription.objects.bulk_create(
        Subscription(mailing_list=mailing_list, subscriber=each) for each in Subscriber.objects.all()
    )
    known = known_recipients(run.recipients.values_list("pk", flat=True))
    hits = [hit(each, HitKind.BOUNCED, data={"type": "hard", "key": str(each.pk)}) for each in run.recipients.all()]
    judged = [Judged(each, known[each.recipient_id], of_hit(each, None)) for each in hits]

    with django_assert_max_num_queries(12), transaction.atomic():
        consequences.carry_out(judged)

    assert Subscription.objects.filter(status="bounced").count() == people


# --- soft bounces ------------------------------------------------------------------------------------------------


def test_the_third_soft_bounce_is_a_hard_one(reader):
    others = [again(reader, number) for number in (2, 3)]
    bounce(reader, "soft")
    bounce(others[0], "soft", minutes=5)
    assert statuses(reader) == {"subscribed"}

    bounce(others[1], "soft", minutes=10)

    assert statuses(reader) == {"bounced"}
    assert Suppression.objects.get().reason == "bounced"
    assert [each.bounce_type for each in Engagement.objects.order_by("recipient")] == ["soft", "soft", "hard"]
    assert Event.objects.order_by("at").last().data["soft_bounces"] == 3


def test_one_message_counts_one_soft_bounce(reader):
    for minute in range(5):
        bounce(reader, "soft", minutes=minute)

    assert Subscriber.objects.get(pk=reader.subscriber_id).soft_bounces == 1
    assert statuses(reader) == {"subscribed"}


@pytest.mark.parametrize("kind", [HitKind.OPENED, HitKind.CLICKED, HitKind.DELIVERED])
def test_what_arrives_in_between_starts_the_count_anew(reader, kind):
    others = [again(reader, number) for number in (2, 3, 4)]
    bounce(reader, "soft")
    bounce(others[0], "soft", minutes=5)
    spool.append(hit(others[1], kind, minutes=10))
    bounce(others[2], "soft", minutes=15)

    assert Subscriber.objects.get(pk=reader.subscriber_id).soft_bounces == 1
    assert statuses(reader) == {"subscribed"}


def test_what_a_bot_does_is_no_arrival(reader):
    others = [again(reader, number) for number in (2, 3, 4)]
    bounce(reader, "soft")
    bounce(others[0], "soft", minutes=5)
    spool.append(hit(others[1], HitKind.CLICKED, minutes=10, user_agent="curl/8"))
    bounce(others[2], "soft", minutes=15)

    assert statuses(reader) == {"bounced"}


@pytest.mark.parametrize(("limit", "after"), [(1, {"bounced"}), (0, {"subscribed"})])
def test_the_limit_is_a_setting(reader, settings, limit, after):
    settings.SOFT_BOUNCE_LIMIT = limit
    bounce(reader, "soft")

    assert statuses(reader) == after


def test_who_is_given_back_starts_at_none(reader):
    Subscriber.objects.filter(pk=reader.subscriber_id).update(soft_bounces=2)
    bounce(reader)
    subscriptions.reset_bounce(reader.subscriber, by=SYSTEM)

    assert Subscriber.objects.get(pk=reader.subscriber_id).soft_bounces == 0
    assert statuses(reader) == {"subscribed"}


# --- complaints --------------------------------------------------------------------------------------------------


def test_a_complaint_ends_all_subscriptions_and_suppresses_the_address(reader):
    complain(reader)

    assert statuses(reader) == {"complained"}
    assert [(each.reason, each.scope) for each in Suppression.objects.all()] == [("complained", "system")]
    assert ended("complaint_ended") == 2


def test_a_complaint_goes_above_what_ended_before_and_counts_what_it_ended(reader):
    subscriptions.unsubscribe(reader.subscriber, source="page")
    complain(reader)

    assert statuses(reader) == {"complained"}
    assert ended("complaint_ended") == 0


def test_another_organization_is_not_touched(reader):
    elsewhere = Subscription.objects.create(
        mailing_list=MailingListFactory(organization=(other := OrganizationFactory())),
        subscriber=Subscriber.objects.create(organization=other, email=reader.address),
    )
    complain(reader)

    elsewhere.refresh_from_db()
    assert elsewhere.status == "subscribed"


@pytest.mark.parametrize(("scope", "found"), [("organization", ["organization"]), ("nothing", [])])
def test_where_a_complaint_is_suppressed_is_a_setting(reader, settings, scope, found):
    settings.COMPLAINT_SUPPRESSES = scope
    complain(reader)

    assert [each.scope for each in Suppression.objects.all()] == found


# --- at the same moment ------------------------------------------------------------------------------------------


@race
@pytest.mark.parametrize("attempt", range(3))
def test_an_unsubscription_beside_a_bounce_leaves_one_of_both(organization, attempt):
    run = a_run(people=1, organization=organization)
    reader = run.recipients.get()
    row = Subscription.objects.create(
        mailing_list=MailingListFactory(organization=organization), subscriber=reader.subscriber
    )
    spool.append(hit(reader, HitKind.BOUNCED, data={"type": "hard", "key": "1"}))

    at_once(ingest, lambda: subscriptions.unsubscribe(reader.subscriber, source="page"))

    row.refresh_from_db()
    assert row.status in ("unsubscribed", "bounced")
    kinds = list(ConsentEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-1] == row.status


@race
@pytest.mark.parametrize("attempt", range(3))
def test_erasing_beside_a_bounce_leaves_nothing_of_the_person_in_the_organization(organization, settings, attempt):
    settings.HARD_BOUNCE_SUPPRESSES = "organization"
    run = a_run(people=1, organization=organization)
    reader = run.recipients.get()
    Subscription.objects.create(
        mailing_list=MailingListFactory(organization=organization), subscriber=reader.subscriber
    )
    spool.append(hit(reader, HitKind.BOUNCED, data={"type": "hard", "key": "1"}))

    at_once(ingest, lambda: privacy.erase(reader.subscriber, by=SYSTEM))

    assert not Subscriber.objects.exists()
    assert not Suppression.objects.filter(value__contains="reader").exists()
    assert Event.objects.filter(kind="bounced").count() == 1


def test_what_comes_late_keeps_its_own_time(reader):
    bounce(reader, minutes=90)

    assert ConsentEvent.objects.first().at == NINE + timedelta(minutes=90)

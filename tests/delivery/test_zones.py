"""Each person in their own time, hours in which nothing is sent, and messages that expire: from freeze to sent."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils.timezone import now

from audience.models import CustomField, Subscriber, Subscription, Suppression
from campaigns import drafts, lifecycle
from campaigns.errors import NotReady
from campaigns.models import Campaign, State, Variant
from delivery import progress, quiet_hours, tasks
from delivery.freeze import freeze
from delivery.models import Batch, QuietHours, Recipient
from delivery.reasons import reason_for
from splittests import planning
from tests.delivery.servers import Mailbox
from tests.delivery.states import assert_reconciled, reloaded, states
from tests.factories import EditionFactory, EmailFactory, draft_campaign, staff
from tests.races import at_once, race

# Wednesday, 18:00 in Berlin; it is winter in the north
SIX_PM = datetime(2026, 12, 2, 18, tzinfo=ZoneInfo("Europe/Berlin"))
EARLY = datetime(2026, 12, 1, 12, tzinfo=UTC)
ZONES = ["Pacific/Auckland", "Asia/Kolkata", "Europe/Berlin", "Europe/Paris", "America/New_York", "Pacific/Pago_Pago"]


@pytest.fixture(autouse=True)
def no_queue(monkeypatch):
    monkeypatch.setattr(tasks, "queue", lambda task, pk: None)


def scheduled(zones=ZONES, *, at=SIX_PM, local=True, **about):
    """A campaign of people who live there, scheduled."""
    campaign = draft_campaign(people=len(zones), local_time=local, **about)
    for person, zone in zip(Subscriber.objects.order_by("pk"), zones, strict=True):
        Subscriber.objects.filter(pk=person.pk).update(fields={"timezone": zone} if zone else {})
    lifecycle.submit(campaign, by=staff(campaign.organization), schedule=lifecycle.at(at, "Europe/Berlin"))
    return campaign


def frozen(campaign, at):
    with time_machine.travel(at, tick=False):
        lifecycle.start(campaign)
        return freeze(campaign)


def quiet(organization, **about):
    return QuietHours.objects.create(organization=organization, **{"channel": "email", **about})


def clocks(run):
    """People by the time their batch is released, as their own clock shows it."""
    return {
        row.subscriber.fields.get("timezone", ""): row.batch.release_at.astimezone(
            ZoneInfo(row.subscriber.fields.get("timezone") or "UTC")
        ).strftime("%d %H:%M")
        for row in Recipient.objects.filter(run=run).select_related("batch", "subscriber")
    }


@pytest.mark.django_db
def test_a_campaign_in_local_time_begins_when_the_first_might_be_due():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()
    # 18:00 at UTC+14 is 04:00 UTC
    begins = datetime(2026, 12, 2, 4, tzinfo=UTC)

    assert not Campaign.objects.due(begins - timedelta(seconds=1)).exists()
    assert Campaign.objects.due(begins).get() == campaign


@pytest.mark.django_db
def test_everybody_is_to_get_it_at_that_time_of_day():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled([*ZONES, "", "america/new york", "Atlantis"])
        Subscription.objects.filter(subscriber__fields__timezone="Asia/Kolkata").update(
            fields={"timezone": "Asia/Tokyo"}  # what the list says of a person counts first
        )

    with time_machine.travel(datetime(2026, 12, 2, 4, tzinfo=UTC), tick=False):
        lifecycle.start(campaign)
        run = freeze(campaign)

    found = {row.zone: (f"{row.release_at:%d %H:%M}", row.people) for row in run.batches.all()}
    assert found == {
        "UTC": ("02 18:00", 2),  # no zone, or none that is: the organization's
        "America/New_York": ("02 23:00", 2),
        "Europe/Berlin": ("02 17:00", 2),
        "Pacific/Auckland": ("02 05:00", 1),
        "Asia/Tokyo": ("02 09:00", 1),
        "Pacific/Pago_Pago": ("03 05:00", 1),
    }
    assert (run.planned, run.pending) == (9, 9)
    assert not run.recipients.filter(batch=None).exists()
    assert [row.not_before for row in run.batches.all()] == [row.release_at for row in run.batches.all()]
    assert_reconciled(run)


@pytest.mark.django_db
def test_where_the_time_has_passed_it_is_tomorrow():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()

    run = frozen(campaign, datetime(2026, 12, 2, 13, 20, tzinfo=UTC))  # late: 18:00 has been in the east

    assert clocks(run) == {
        "Pacific/Auckland": "03 18:00",
        "Asia/Kolkata": "02 18:00",  # 50 minutes ago: it goes out now
        "Europe/Berlin": "02 18:00",
        "Europe/Paris": "02 18:00",
        "America/New_York": "02 18:00",
        "Pacific/Pago_Pago": "02 18:00",
    }
    assert run.batches.get(zone="Asia/Kolkata").not_before is None


@pytest.mark.django_db
def test_what_is_sent_now_goes_to_everybody_at_once():
    campaign = scheduled(at=now() + timedelta(days=3))

    lifecycle.send_now(campaign, by=staff(campaign.organization))
    run = freeze(campaign)

    assert [(row.zone, row.release_at) for row in run.batches.all()] == [("", None)]


@pytest.mark.django_db
def test_variants_are_dealt_over_all_zones_and_each_zone_is_cut_into_batches(settings):
    settings.BATCH_SIZE = 2
    with time_machine.travel(EARLY, tick=False):
        campaign = draft_campaign(people=12, local_time=True)
        email = EmailFactory(organization=campaign.organization)
        Variant.objects.create(campaign=campaign, position=1, name="B", weight=100, email=email)
        for number, person in enumerate(Subscriber.objects.order_by("pk")):
            Subscriber.objects.filter(pk=person.pk).update(
                fields={"timezone": ["Asia/Tokyo", "UTC", "Asia/Seoul"][number % 3]}
            )
        lifecycle.submit(campaign, by=staff(campaign.organization), schedule=lifecycle.at(SIX_PM, "Europe/Berlin"))

    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))

    assert Counter(run.recipients.values_list("variant__name", flat=True)) == {"A": 6, "B": 6}
    # Tokyo and Seoul show the same: eight people in four batches
    assert (
        list(run.batches.values_list("zone", "people")) == [("Asia/Tokyo", 2)] * 4 + [("UTC", 2)] * 2
        or list(run.batches.values_list("zone", "people")) == [("Asia/Seoul", 2)] * 4 + [("UTC", 2)] * 2
    )
    for batch in run.batches.all():
        assert batch.recipients.count() == 2


def test_zones_are_released_one_by_one_and_all_is_accounted_for(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()
    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))
    sent = {}

    with mail_relay(Mailbox()) as mailbox:
        for hour in range(4, 32):
            with time_machine.travel(datetime(2026, 12, 2, tzinfo=UTC) + timedelta(hours=hour)):
                if hour == 12:
                    lifecycle.pause(reloaded(campaign), by=staff(campaign.organization))
                if hour == 16:
                    lifecycle.resume(reloaded(campaign), by=staff(campaign.organization))
                for batch in Batch.objects.due(now()):
                    tasks.deliver_batch(batch.pk)
                if hour == 13:
                    assert [(row.zone, row.done, row.people) for row in progress.by_zone(run)] == [
                        ("Pacific/Auckland", 1, 1),
                        ("Asia/Kolkata", 0, 1),
                        ("Europe/Berlin", 0, 2),
                        ("America/New_York", 0, 1),
                        ("Pacific/Pago_Pago", 0, 1),
                    ]
                    assert [row.begins_at == row.release_at for row in progress.by_zone(run)] == [
                        *(False, False, True, True, True)
                    ]
                    sentence = reason_for(run, Subscriber.objects.get(fields__timezone="Pacific/Pago_Pago")).sentence
                    assert sentence.endswith("at 18:00 on 2026-12-02 by the clock of Pacific/Pago_Pago.")
            sent[hour] = len(mailbox.mails)
            assert_reconciled(run)

    # Auckland, Kolkata (12:30) once it goes on, Berlin and Paris, New York, and on the next day Pago Pago
    assert {hour: number for hour, number in sent.items() if sent.get(hour - 1) != number} == {
        4: 0,
        5: 1,
        16: 2,
        17: 4,
        23: 5,
        29: 6,
    }
    assert reloaded(campaign).state == State.SENT
    assert states(run) == {"sent": 6}


def test_who_leaves_while_others_get_it_is_not_sent_to(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()
    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))
    berlin, paris = Subscriber.objects.filter(fields__timezone__startswith="Europe").order_by("pk")
    Subscription.objects.filter(subscriber=berlin).update(status="unsubscribed", unsubscribed_at=SIX_PM)
    Suppression.objects.create(organization=campaign.organization, kind="email", value=paris.email)

    with mail_relay(Mailbox()), time_machine.travel(SIX_PM):
        tasks.deliver_batch(run.batches.get(zone="Europe/Berlin").pk)

    reasons = dict(run.recipients.filter(state="skipped").values_list("subscriber__fields__timezone", "skip_reason"))
    assert reasons == {"Europe/Berlin": "unsubscribed", "Europe/Paris": "suppressed"}
    assert_reconciled(run)


def test_quiet_hours_hold_what_is_due_and_what_is_tried_again(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["Europe/Berlin", "America/New_York"], local=False)
    quiet(campaign.organization, begin=time(18, 30), end=time(8))
    run = frozen(campaign, SIX_PM)
    mailbox = Mailbox(rcpt={Subscriber.objects.order_by("pk")[0].email: "451 4.7.1 Greylisted"})

    with mail_relay(mailbox):
        with time_machine.travel(SIX_PM + timedelta(minutes=1)):
            for batch in Batch.objects.due(now()):
                tasks.deliver_batch(batch.pk)
        assert states(run) == {"sent": 1, "pending": 1}  # noon in New York
        mailbox.rcpt.clear()
        with time_machine.travel(SIX_PM + timedelta(minutes=31)):
            (batch,) = Batch.objects.due(now())
            tasks.deliver_batch(batch.pk)
        assert reloaded(batch).not_before == datetime(2026, 12, 3, 7, tzinfo=UTC)  # 08:00 in Berlin
        assert_reconciled(run)
        with time_machine.travel(datetime(2026, 12, 3, 7, tzinfo=UTC)):
            for batch in Batch.objects.due(now()):
                tasks.deliver_batch(batch.pk)

    assert states(run) == {"sent": 2}
    assert reloaded(campaign).state == State.SENT


@pytest.mark.django_db
def test_a_split_test_knows_its_sample_and_its_rest_in_each_zone(settings):
    settings.BATCH_SIZE = 2
    campaign = draft_campaign(people=12)
    email = EmailFactory(organization=campaign.organization)
    Variant.objects.create(campaign=campaign, position=1, name="B", weight=100, email=email)
    by = staff(campaign.organization)
    planning.plan(campaign, by=by, share_percent=50)
    for number, person in enumerate(Subscriber.objects.order_by("pk")):
        Subscriber.objects.filter(pk=person.pk).update(fields={"timezone": ["Asia/Tokyo", "UTC"][number % 2]})
    quiet(campaign.organization)

    run = freeze(lifecycle.send_now(campaign, by=by))

    by_zone = Counter(run.recipients.values_list("batch__held", "subscriber__fields__timezone", "batch__zone"))
    assert all(zone == own for _, own, zone in by_zone)
    assert sum(people for (held, _, _), people in by_zone.items() if held) == 6
    assert not run.recipients.filter(batch__held=True, variant__isnull=False).exists()
    assert Counter(run.recipients.filter(batch__held=False).values_list("variant__name", flat=True)) == {"A": 3, "B": 3}


@pytest.mark.django_db
def test_quiet_hours_of_the_edition_come_before_those_of_the_organization():
    edition = EditionFactory(timezone="Europe/Berlin")
    quiet(edition.organization, begin=time(0), end=time(23, 59))
    quiet(edition.organization, edition=edition, begin=time(21), end=time(8))
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["", "Asia/Tokyo"], local=False, organization=edition.organization, edition=edition)

    run = frozen(campaign, SIX_PM)

    assert dict(run.batches.values_list("zone", "not_before")) == {
        "Europe/Berlin": None,
        "Asia/Tokyo": datetime(2026, 12, 2, 23, tzinfo=UTC),  # 02:00 there, and 08:00 six hours on
    }


def test_who_was_not_sent_to_in_time_is_skipped_and_counted(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["UTC", "UTC"], local=False, expires_after_hours=4)
    run = frozen(campaign, SIX_PM)
    busy = Mailbox(rcpt={Subscriber.objects.order_by("pk")[0].email: "451 4.7.1 Greylisted"})
    with mail_relay(busy), time_machine.travel(SIX_PM + timedelta(minutes=1)):
        tasks.deliver_batch(run.batches.get().pk)
    assert states(run) == {"sent": 1, "pending": 1}

    with time_machine.travel(SIX_PM + timedelta(hours=4)):
        tasks.sweep()

    assert progress.of(reloaded(run)).skipped_by_reason == {"expired": 1}
    assert_reconciled(run)
    assert reloaded(campaign).state == State.SENT


@pytest.mark.django_db
@pytest.mark.parametrize("expiry", [{"expires_after_hours": 2}, {"expires_at": SIX_PM + timedelta(hours=2)}])
def test_a_batch_claimed_too_late_is_dropped_whole(expiry):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["UTC", "UTC"], local=False, **expiry)
    run = frozen(campaign, SIX_PM + timedelta(hours=1))  # counted from when it was due

    with time_machine.travel(SIX_PM + timedelta(hours=2)):
        tasks.deliver_batch(run.batches.get().pk)

    assert dict(run.recipients.values_list("state", "skip_reason")) == {"skipped": "expired"}
    assert_reconciled(run)


@pytest.mark.django_db
@pytest.mark.parametrize(("local", "hours"), [(False, 0), (True, -13)], ids=["at once", "on the first clock of all"])
def test_what_expires_before_it_goes_out_is_not_scheduled(local, hours):
    ends = SIX_PM + timedelta(hours=hours)
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(local=local, expires_at=ends + timedelta(minutes=1))
        boss = staff(campaign.organization)
        with pytest.raises(NotReady, match="before it goes out"):
            lifecycle.reschedule(
                campaign, by=boss, schedule=lifecycle.at(SIX_PM + timedelta(minutes=1), "Europe/Berlin")
            )
        with pytest.raises(NotReady, match="before it goes out"):
            drafts.edit(campaign, by=boss, expires_at=ends)

    assert (reloaded(campaign).scheduled_at, reloaded(campaign).expires_at) == (SIX_PM, ends + timedelta(minutes=1))


@pytest.mark.django_db
def test_in_local_time_each_zone_expires_by_itself():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(expires_after_hours=3)

    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))

    assert {row.expires_at - row.release_at for row in run.batches.all()} == {timedelta(hours=3)}


@pytest.mark.django_db
def test_cancelling_drops_the_zones_that_wait():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()
    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))

    lifecycle.cancel(reloaded(campaign), by=staff(campaign.organization))
    tasks.drop_unsent(campaign.pk)

    assert states(run) == {"skipped": 6}
    assert_reconciled(run)


@pytest.mark.django_db
def test_people_of_a_new_zone_who_appear_while_counting_are_in_a_batch_all_the_same(monkeypatch):
    from delivery import audiences

    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled()
    monkeypatch.setattr(audiences, "at_most_by_zone", lambda people, zones: {"europe/berlin": 1})

    run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))

    assert run.recipients.filter(batch__isnull=False).count() == 6
    assert_reconciled(run)


@pytest.mark.django_db
def test_freezing_by_zone_costs_the_same_queries_for_more_people_and_zones(django_assert_max_num_queries):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(ZONES * 5)
        quiet(campaign.organization)
    with time_machine.travel(datetime(2026, 12, 2, 4, tzinfo=UTC), tick=False):
        lifecycle.start(campaign)
        with django_assert_max_num_queries(32):
            freeze(campaign)


@pytest.mark.django_db
def test_another_field_may_hold_the_zone_or_none():
    for field, zones in (("where", {"UTC", "Asia/Tokyo"}), ("", {"UTC"})):
        with time_machine.travel(EARLY, tick=False):
            campaign = draft_campaign(people=2, local_time=True)
            campaign.organization.timezone_field = field
            campaign.organization.save()
            CustomField.objects.create(organization=campaign.organization, key="where", name="Where")
            person = campaign.organization.subscribers.first()
            Subscriber.objects.filter(pk=person.pk).update(fields={"where": "Asia/Tokyo"})
            lifecycle.submit(campaign, by=staff(campaign.organization), schedule=lifecycle.at(SIX_PM, "UTC"))
        campaign.refresh_from_db()

        run = frozen(campaign, datetime(2026, 12, 2, 4, tzinfo=UTC))

        assert set(run.batches.values_list("zone", flat=True)) == zones


@race
def test_a_sweep_and_a_worker_at_once_settle_everybody_once(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["UTC"] * 4, local=False, expires_after_hours=1)
    run = frozen(campaign, SIX_PM)

    with mail_relay(Mailbox()), time_machine.travel(SIX_PM + timedelta(hours=1)):
        batch = run.batches.get()
        at_once(lambda: tasks.deliver_batch(batch.pk), tasks.sweep, lambda: tasks.deliver_batch(batch.pk))

    assert states(run) == {"skipped": 4}
    assert_reconciled(run)


@race
def test_who_is_given_back_while_quiet_hours_change_waits_for_their_end_at_most(mail_relay):
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["UTC"] * 4, local=False)
    by = staff(campaign.organization)
    hours = quiet(campaign.organization, begin=time(0), end=time(23, 59))
    run = frozen(campaign, SIX_PM)
    run.batches.update(not_before=None)

    with mail_relay(Mailbox()), time_machine.travel(SIX_PM + timedelta(minutes=1)):
        batch = run.batches.get()
        at_once(lambda: tasks.deliver_batch(batch.pk), lambda: quiet_hours.drop(hours, by=by))
    with mail_relay(Mailbox()), time_machine.travel(datetime(2026, 12, 2, 23, 59, tzinfo=UTC)):
        for due in Batch.objects.due(now()):
            tasks.deliver_batch(due.pk)

    assert states(run) == {"sent": 4}
    assert_reconciled(run)


@pytest.mark.django_db
def test_who_drops_quiet_hours_lets_go_of_what_they_hold_back_but_not_of_later_zones():
    with time_machine.travel(EARLY, tick=False):
        campaign = scheduled(["Europe/Berlin", "America/New_York"])
        hours = quiet(campaign.organization, begin=time(17), end=time(20))
    run = frozen(campaign, SIX_PM - timedelta(hours=1))
    assert not Batch.objects.due(SIX_PM + timedelta(minutes=1)).exists()

    with time_machine.travel(SIX_PM, tick=False):
        quiet_hours.drop(hours, by=staff(campaign.organization))

    assert [batch.zone for batch in Batch.objects.due(SIX_PM + timedelta(minutes=1))] == ["Europe/Berlin"]
    assert run.batches.get(zone="America/New_York").not_before == SIX_PM + timedelta(hours=6)

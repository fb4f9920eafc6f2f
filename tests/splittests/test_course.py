"""From a planned test to the rest of the audience: the sample, the wait, the decision."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils.timezone import now

from audience import selection
from campaigns import approval, drafts, lifecycle, schedules
from campaigns.errors import InvalidTransition, Locked, NotAllowed, NotReady
from campaigns.models import CampaignRun, State
from campaigns.recurrence import from_cron
from campaigns.variants import Content, remove, set_variants
from delivery import progress
from delivery.freeze import freeze
from delivery.models import Batch, Recipient
from delivery.runs import drop_unsent, finish_if_complete
from splittests import course, planning, standings
from splittests.models import SplitTest, SplitTestRun
from splittests.standings import Phase
from splittests.tasks import go_on
from stats import outcomes
from stats.ingest import ingest
from stats.models import Engagement
from stats.reports import report
from tests.factories import EmailFactory, draft_campaign, staff
from tests.races import at_once, race
from tracking import spool
from tracking.spool import Hit

READER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
pytestmark = pytest.mark.django_db


def planned(people=20, variants=2, organization=None, **settings):
    """A draft with its test; by default half of the audience is the sample, and two people are enough to compare."""
    by_conversions = settings.get("metric") in ("converted", "revenue_cents")
    campaign = draft_campaign(organization, people=people, tracks_conversions=by_conversions)
    by = staff(campaign.organization)
    emails = [EmailFactory(organization=campaign.organization) for _ in range(variants)]
    set_variants(campaign, [Content(email=email) for email in emails], by=by)
    settings = {"share_percent": Decimal(50), "least_people": 2, "metric": "opened", **settings}
    planning.plan(campaign, by=by, **settings)
    return campaign


@pytest.fixture(autouse=True)
def small_batches(settings):
    settings.BATCH_SIZE = 4


def started(campaign):
    return freeze(lifecycle.send_now(campaign, by=staff(campaign.organization)))


def sent_to(run):
    """As if workers had sent to everybody they may send to."""
    people = run.recipients.filter(batch__held=False, state="pending")
    sent = people.update(state=Recipient.State.SENT, settled_at=now() - timedelta(hours=1))
    Batch.objects.filter(run=run, held=False).update(state=Batch.State.DONE)
    CampaignRun.objects.filter(pk=run.pk).update(sent=F("sent") + sent)


def opened_by(run, *numbers):
    """So many people of each variant's sample open."""
    for variant, number in zip(run.campaign.variants.order_by("position"), numbers, strict=True):
        for reader in run.recipients.filter(variant=variant, state="sent")[:number]:
            spool.append(Hit("opened", run.pk, reader.pk, reader.subscriber_id, now(), user_agent=READER))
    ingest()


def waiting(people=20, variants=2, **settings):
    run = started(planned(people, variants, **settings))
    sent_to(run)
    assert course.hold(run)
    return SplitTestRun.objects.get(run=run)


def test_the_campaign_waits_once_its_sample_is_out():
    run = started(planned(wait=3, wait_unit="days"))
    go_on()
    assert not SplitTestRun.objects.exists(), "the sample is still on its way"

    sent_to(run)
    go_on()
    go_on()

    row = SplitTestRun.objects.get()
    assert row.run.campaign.state == State.HOLDING
    assert row.due_at - row.sampled_at == timedelta(days=3)
    assert not finish_if_complete(run.campaign_id)


def test_nothing_is_decided_before_its_time():
    row = waiting(wait=1)
    opened_by(row.run, 5, 0)

    go_on()

    row.refresh_from_db()
    assert (row.chosen, row.run.campaign.state) == (None, State.HOLDING)


def test_the_winner_goes_to_the_rest_and_to_nobody_else():
    row = waiting()
    opened_by(row.run, 0, 5)
    second = row.run.campaign.variants.get(name="B")
    before = set(row.run.recipients.filter(state="sent").values_list("pk", "variant"))
    SplitTestRun.objects.update(due_at=now())

    go_on()

    row.refresh_from_db()
    assert (row.verdict, row.chosen, row.chosen_by) == ("won", second, None)
    assert row.run.campaign.state == State.SENDING
    rest = row.run.recipients.filter(state="pending")
    assert set(rest.values_list("variant", flat=True)) == {second.pk}
    assert rest.count() == 10
    assert set(row.run.recipients.filter(state="sent").values_list("pk", "variant")) == before
    assert not Batch.objects.filter(run=row.run, held=True).exists()

    sent_to(row.run)
    assert finish_if_complete(row.run.campaign_id)


def test_a_decision_can_be_replayed_from_what_was_kept():
    row = waiting()
    opened_by(row.run, 1, 5)

    found = course.decide_now(row)

    row.refresh_from_db()
    assert course.replay(row.snapshot) == found
    assert [each["amount"] for each in row.snapshot["measured"]] == [1, 5]
    assert [each["people"] for each in row.snapshot["measured"]] == [5, 5]


def test_programs_win_nothing():
    row = waiting()
    for reader in row.run.recipients.filter(state="sent"):
        spool.append(Hit("opened", row.run_id, reader.pk, reader.subscriber_id, now(), user_agent="curl/8.0"))
    ingest()

    assert course.decide_now(row).verdict == "unclear"


@pytest.mark.parametrize(("when_unclear", "expected"), [("leader", "B"), ("first", "A"), ("ask", None)])
def test_without_a_clear_difference_the_test_says_what_happens(when_unclear, expected):
    row = waiting(when_unclear=when_unclear)
    opened_by(row.run, 2, 3)
    SplitTestRun.objects.update(due_at=now())

    go_on()

    row.refresh_from_db()
    assert (row.verdict, row.chosen and row.chosen.name) == ("unclear", expected)
    assert row.run.campaign.state == (State.SENDING if expected else State.HOLDING)


def test_somebody_who_is_asked_chooses_with_a_reason():
    row = waiting(when_unclear="ask")
    course.decide_now(row)
    by = staff(row.run.campaign.organization)
    second = row.run.campaign.variants.get(name="B")

    with pytest.raises(NotReady, match="Say why"):
        course.choose(row, second, by=by, reason=" ")
    course.choose(row, second, by=by, reason="It is the friendlier one.")

    row.refresh_from_db()
    assert (row.chosen, row.chosen_by, row.reason) == (second, by.user, "It is the friendlier one.")
    event = row.run.campaign.events.latest("pk")
    assert (event.verb, event.reason) == ("release", "It is the friendlier one.")


def test_what_is_decided_stays_decided():
    row = waiting()
    course.decide_now(row)

    with pytest.raises(InvalidTransition, match="decided already"):
        course.choose(row, row.run.campaign.variants.first(), by=staff(row.run.campaign.organization), reason="No.")


def test_somebody_who_may_not_steer_the_campaign_chooses_nothing():
    row = waiting()
    viewer = staff(row.run.campaign.organization, role="viewer")

    with pytest.raises(NotAllowed):
        course.choose(row, row.run.campaign.variants.first(), by=viewer, reason="I like it.")
    assert SplitTestRun.objects.get().measured_at is None


def test_somebody_elses_variant_is_none_of_this_campaign():
    row = waiting()

    with pytest.raises(NotReady, match="no such variant"):
        course.choose(row, planned().variants.first(), by=staff(row.run.campaign.organization), reason="Mine.")


def test_a_paused_campaign_is_decided_when_it_goes_on():
    row = waiting()
    campaign, by = row.run.campaign, staff(row.run.campaign.organization)
    lifecycle.pause(campaign, by=by)
    SplitTestRun.objects.update(due_at=now())

    go_on()
    assert SplitTestRun.objects.get().chosen is None

    lifecycle.resume(campaign, by=by)
    go_on()
    assert SplitTestRun.objects.get().chosen is not None


def test_who_waits_when_the_campaign_is_cancelled_gets_nothing():
    row = waiting()
    lifecycle.cancel(row.run.campaign, by=staff(row.run.campaign.organization))
    SplitTestRun.objects.update(due_at=now())

    go_on()

    assert SplitTestRun.objects.get().chosen is None
    assert not Batch.objects.due(now()).exists()


def test_people_who_come_and_go_meanwhile_change_nothing():
    row = waiting()
    mailing_list = row.run.campaign.audience.get().mailing_list
    before = row.run.recipients.count()
    mailing_list.subscriptions.last().delete()

    course.decide_now(row)
    course.free(row := SplitTestRun.objects.get())

    assert row.run.recipients.count() == before


def test_a_kill_in_the_middle_of_freeing_loses_nobody(monkeypatch):
    row = waiting()
    course.decide_now(row)
    row.refresh_from_db()
    held = list(Batch.objects.filter(run=row.run, held=True).values_list("pk", flat=True))
    course._free(held[0], row.chosen_id)

    go_on()

    assert not Batch.objects.filter(run=row.run, held=True).exists()
    assert set(row.run.recipients.filter(state="pending").values_list("variant", flat=True)) == {row.chosen_id}


def test_a_test_is_planned_until_the_campaign_begins():
    campaign = planned()
    started(campaign)

    with pytest.raises(Locked):
        planning.plan(campaign, by=staff(campaign.organization), wait=2)
    with pytest.raises(Locked):
        planning.drop(campaign, by=staff(campaign.organization))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("share_percent", 0),
        ("share_percent", "100.5"),
        ("wait", 0),
        ("metric", "luck"),
        ("certainty", 2),
        ("colour", 1),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(name, value):
    campaign = planned()

    with pytest.raises(NotReady) as refused:
        planning.plan(campaign, by=staff(campaign.organization), **{name: value})

    assert list(refused.value.problems) == [name]
    assert SplitTest.objects.get().share_percent == Decimal(50)


def test_who_approves_sees_what_has_changed_in_the_test():
    campaign = planned(wait=4, wait_unit="hours")
    approval.remember(campaign)

    planning.plan(campaign, by=staff(campaign.organization), wait=9)

    (change,) = approval.changes(campaign)
    assert change.what == "Split test"
    assert [line for line in change.lines if line[:1] in "+-"] == ["-Wait: 4", "+Wait: 9"]


def test_a_changed_test_voids_the_approval():
    campaign = planned()
    organization = campaign.organization
    organization.approval = "always"
    organization.save()
    lifecycle.submit(campaign, by=staff(organization))
    campaign.refresh_from_db()
    assert campaign.state == State.PENDING_APPROVAL

    planning.plan(campaign, by=staff(organization), wait=9)

    campaign.refresh_from_db()
    assert campaign.state == State.DRAFT


def test_a_variant_that_goes_after_the_approval_voids_it():
    campaign = planned(variants=3)
    organization = campaign.organization
    organization.approval = "always"
    organization.save()
    lifecycle.submit(campaign, by=staff(organization, "manager"))
    lifecycle.approve(campaign, by=staff(organization))
    assert campaign.state == State.SCHEDULED

    remove(campaign, 2, by=staff(organization, "manager"))

    campaign.refresh_from_db()
    assert campaign.state == State.PENDING_APPROVAL


def test_without_any_hit_the_first_is_ahead_and_nothing_is_clear():
    row = waiting(variants=3)

    found = course.decide_now(row)

    row.refresh_from_db()
    assert (found.verdict, row.chosen.name) == ("unclear", "A")


def test_the_first_is_not_sent_where_it_reached_nobody():
    row = waiting(when_unclear="first")
    first = row.run.campaign.variants.get(name="A")
    failed = row.run.recipients.filter(variant=first, state="sent").update(state="failed")
    CampaignRun.objects.update(sent=F("sent") - failed, failed=failed)

    course.decide_now(row)

    assert SplitTestRun.objects.get().chosen.name == "B"


def test_an_early_look_that_is_left_open_does_not_stop_the_clock():
    row = waiting(when_unclear="ask")
    course.decide_now(row, by=staff(row.run.campaign.organization))
    opened_by(row.run, 0, 5)
    SplitTestRun.objects.update(due_at=now())

    go_on()

    row.refresh_from_db()
    assert (row.verdict, row.chosen.name) == ("won", "B")


def test_what_was_measured_in_time_and_left_open_waits_for_somebody():
    waiting(when_unclear="ask")
    SplitTestRun.objects.update(due_at=now())

    go_on()
    measured_at = SplitTestRun.objects.get().measured_at
    go_on()

    assert SplitTestRun.objects.get().measured_at == measured_at


def test_who_may_not_steer_the_campaign_does_not_end_the_wait_either():
    row = waiting(when_unclear="ask")

    with pytest.raises(NotAllowed):
        course.decide_now(row, by=staff(row.run.campaign.organization, role="viewer"))
    assert SplitTestRun.objects.get().measured_at is None


@pytest.mark.parametrize("act", [lifecycle.pause, lifecycle.cancel])
def test_a_test_that_somebody_stopped_is_not_measured(act):
    row = waiting(when_unclear="ask")
    act(row.run.campaign, by=staff(row.run.campaign.organization))

    with pytest.raises(InvalidTransition):
        course.decide_now(row)
    assert SplitTestRun.objects.get().measured_at is None


def test_a_campaign_that_failed_in_the_middle_goes_on_with_its_test_when_it_is_retried():
    row = waiting()
    reader = row.run.recipients.filter(state="sent").first()
    reader.state = "failed"
    reader.save()
    CampaignRun.objects.update(sent=F("sent") - 1, failed=1)
    lifecycle.fail(row.run.campaign, reason="The disk is full.")
    lifecycle.retry_failed(row.run.campaign, by=staff(row.run.campaign.organization, role="admin"))
    Batch.objects.filter(run=row.run, held=False).update(state=Batch.State.DONE)

    go_on()

    row.refresh_from_db()
    assert row.run.campaign.state == State.HOLDING
    SplitTestRun.objects.update(due_at=now())
    go_on()
    assert SplitTestRun.objects.get().chosen is not None


def test_who_waits_has_no_variant_and_counts_to_none():
    campaign = planned()
    run = started(campaign)

    rows = {row.variant.name: row.figures.planned for row in report(campaign).variants}

    assert rows == {"A": 5, "B": 5}
    assert set(run.recipients.filter(batch__held=True).values_list("variant", flat=True)) == {None}
    outcomes.refresh(run.pk)
    assert {row.variant.name: row.figures.planned for row in report(campaign).variants} == rows


def test_after_the_decision_the_rest_counts_to_what_was_chosen():
    row = waiting()
    opened_by(row.run, 0, 5)
    course.decide_now(row)
    course.free(SplitTestRun.objects.get())
    sent_to(row.run)

    assert {each.variant.name: each.figures.sent for each in report(row.run.campaign).variants} == {"A": 5, "B": 15}


def test_nobody_knows_how_long_it_takes_while_somebody_waits():
    run = started(planned())
    moment = now()
    first = Batch.objects.filter(run=run, held=False).first()
    claimed = {"claimed_at": moment - timedelta(seconds=2), "settled_at": moment, "settled": 4}
    Batch.objects.filter(pk=first.pk).update(**claimed)
    CampaignRun.objects.filter(pk=run.pk).update(sent=4)
    run.refresh_from_db()

    assert progress.of(run).per_second
    assert progress.of(run).seconds_left is None
    Batch.objects.update(held=False)
    assert progress.of(run).seconds_left


def test_a_copy_has_the_same_variants_and_the_same_test():
    campaign = planned(variants=3, wait=7)
    by = staff(campaign.organization)

    twin = drafts.copy(campaign, by=by)

    assert twin.split_test.wait == 7
    assert planning.looked_at(twin) == planning.looked_at(campaign)
    assert [each.name for each in twin.variants.order_by("position")] == ["A", "B", "C"]
    planning.plan(twin, by=by, wait=9)
    assert SplitTest.objects.get(campaign=campaign).wait == 7


def test_nobody_of_the_sample_waits_though_more_people_came_than_were_counted(monkeypatch):
    monkeypatch.setattr(selection, "at_most", lambda organization, parts: 4)
    run = started(planned(people=40, share_percent=Decimal(50)))

    assert run.recipients.filter(batch__held=False).count() == 20
    assert not run.recipients.filter(batch__held=True, variant__isnull=False).exists()


def test_an_order_of_any_size_can_be_measured():
    row = waiting(metric="revenue_cents")
    readers = list(row.run.recipients.filter(state="sent"))
    for reader, cents in zip(readers, (100_000_000_000_000, 10_000_000_000, 500), strict=False):
        Engagement.objects.create(recipient=reader, run=row.run, revenue_cents=cents)

    course.decide_now(row)

    measured = SplitTestRun.objects.get().snapshot["measured"]
    assert sum(each["amount"] for each in measured) == 100_010_000_000_500
    assert sum(each["squares"] for each in measured) >= 10**28


def test_where_everybody_is_of_the_sample_nothing_is_decided():
    run = started(planned(people=6, share_percent=Decimal(100)))
    assert standings.of(run.campaign).phase == Phase.NO_REST
    sent_to(run)

    go_on()

    assert not SplitTestRun.objects.exists()
    assert finish_if_complete(run.campaign_id)
    assert standings.of(run.campaign).phase == Phase.NO_REST


def test_a_campaign_of_nobody_ends_without_a_test():
    run = started(planned(people=0))

    go_on()

    assert run.campaign.state == State.SENT
    assert standings.of(run.campaign).phase == Phase.NO_REST


@race
def test_a_cancel_and_a_decision_at_once_leave_nobody_half_way():
    row = waiting()
    by = staff(row.run.campaign.organization)

    at_once(
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        lambda: lifecycle.cancel(row.run.campaign, by=by),
        refusals=(InvalidTransition,),
    )
    at_once(go_on, lambda: drop_unsent(row.run.campaign_id))

    row.refresh_from_db()
    assert row.run.campaign.state == State.CANCELLED
    assert not row.run.recipients.filter(state="pending").exists()
    assert (row.chosen is None) == (not row.run.campaign.events.filter(verb="release").exists())


@race
def test_of_a_person_and_the_clock_one_decides():
    row = waiting()
    by = staff(row.run.campaign.organization)
    second = row.run.campaign.variants.get(name="B")
    SplitTestRun.objects.update(due_at=now())

    at_once(
        lambda: course.choose(SplitTestRun.objects.get(pk=row.pk), second, by=by, reason="It is friendlier."),
        go_on,
        refusals=(InvalidTransition,),
    )
    at_once(go_on, go_on)

    row.refresh_from_db()
    assert row.run.campaign.events.filter(verb="release").count() == 1
    assert set(row.run.recipients.filter(state="pending").values_list("variant", flat=True)) == {row.chosen_id}


@race
def test_of_two_clocks_one_holds():
    run = started(planned())
    sent_to(run)

    held = at_once(*[lambda: course.hold(CampaignRun.objects.select_related("campaign").get(pk=run.pk))] * 2)

    assert sorted(held) == [False, True]
    assert SplitTestRun.objects.count() == 1


@race
def test_of_two_clocks_one_decides():
    row = waiting()

    at_once(
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        refusals=(InvalidTransition,),
    )

    assert row.run.campaign.events.filter(verb="release").count() == 1


def test_each_instance_of_a_recurring_campaign_has_a_test_of_its_own():
    campaign, every_minute = planned(), from_cron("* * * * *", max_instances=2)
    lifecycle.submit(
        campaign, by=staff(campaign.organization), schedule=schedules.recurring(every_minute, "UTC", after=now())
    )

    for winners in ((0, 5), (5, 0)):
        campaign.refresh_from_db()
        run = freeze(lifecycle.start(campaign, at=campaign.scheduled_at))
        sent_to(run)
        go_on()
        opened_by(run, *winners)
        SplitTestRun.objects.filter(run=run).update(due_at=now())
        go_on()
        sent_to(run)
        assert finish_if_complete(campaign.pk) == (run.number == 2)

    campaign.refresh_from_db()
    assert campaign.state == State.SENT
    assert [test.chosen.name for test in SplitTestRun.objects.order_by("run__number")] == ["B", "A"]
    assert campaign.total_recipients == 40

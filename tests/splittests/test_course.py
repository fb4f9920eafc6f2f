"""From a planned test to the rest of the audience: the sample, the wait, the decision."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.errors import InvalidTransition, Locked, NotAllowed, NotReady
from campaigns.models import CampaignRun, State
from campaigns.variants import Content, set_variants
from delivery.freeze import freeze
from delivery.models import Batch, Recipient
from delivery.runs import finish_if_complete
from splittests import course, planning
from splittests.models import SplitTest, SplitTestRun
from splittests.tasks import go_on
from stats.ingest import ingest
from tests.factories import EmailFactory, draft_campaign, staff
from tests.races import at_once, race
from tracking import spool
from tracking.spool import Hit

READER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
pytestmark = pytest.mark.django_db


def planned(people=20, variants=2, **settings):
    """A draft with its test; by default half of the audience is the sample, and two people are enough to compare."""
    campaign = draft_campaign(people=people)
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


@race
def test_of_two_clocks_one_decides():
    row = waiting()

    at_once(
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        refusals=(InvalidTransition,),
    )

    assert row.run.campaign.events.filter(verb="release").count() == 1

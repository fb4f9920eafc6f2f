"""The course of a split test: its sample is out and the campaign waits; it is decided; the rest gets what was chosen.

Each step looks at what is there and does what is due, so that it can be done twice, or by two at once, or by the clock
after whoever began it was killed. Who waits is in held batches from the freeze on: nobody of them can be sent to before
the decision, and nobody else after it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from campaigns import lifecycle
from campaigns.errors import InvalidTransition, NotReady
from campaigns.models import Campaign, CampaignRun, State, Variant
from campaigns.transitions import locked, record, require
from delivery.models import Batch, Recipient
from splittests import looks, measuring, snapshots
from splittests.decisions import Decision, Measured, Metric, Terms, Verdict, decide
from splittests.models import SplitTest, SplitTestRun

DECIDED = "The split test is decided already."

# --- the sample is out -------------------------------------------------------------------------------------------


def sampled() -> QuerySet[CampaignRun]:
    """Runs all of whose sample is settled, and whose rest waits; also once more, where a campaign that had failed in
    the middle of its test was told to retry."""
    of_run = Batch.objects.open().filter(run=OuterRef("pk"))
    return CampaignRun.objects.filter(
        Exists(of_run.filter(held=True)),
        ~Exists(of_run.filter(held=False)),
        campaign__state=State.SENDING,
        campaign__paused=False,
        split_test__chosen__isnull=True,
    )


def hold(run: CampaignRun) -> bool:
    """T11: wait for the decision, from now on; False where somebody was quicker, or the campaign was stopped.

    A clock that runs already goes on.
    """
    moment = now()
    test = SplitTest.objects.get(campaign=run.campaign_id)
    begun = {"sampled_at": moment, "due_at": moment + test.waiting_time}
    with suppress(InvalidTransition), transaction.atomic():
        lifecycle.hold(run.campaign)
        SplitTestRun.objects.get_or_create(run=run, defaults=begun)
        return True
    return False


def of(campaign: Campaign) -> SplitTestRun:
    """The test of the campaign's last run, to be decided. Raises InvalidTransition while its sample is not out."""
    rows = SplitTestRun.objects.filter(run__campaign=campaign).select_related("run__campaign")
    row = rows.order_by("run__number").last()
    if row is None:
        raise InvalidTransition("release", campaign.state, "The sample of its split test is not out yet.")
    return row


# --- deciding ----------------------------------------------------------------------------------------------------


def due(at: datetime) -> QuerySet[SplitTestRun]:
    """What the clock decides now. What was measured after its time and found unclear waits for a person where the test
    says so; what somebody measured before its time and left open is measured again."""
    not_measured = Q(measured_at__isnull=True) | Q(measured_at__lt=F("due_at"))
    undecided = SplitTestRun.objects.filter(not_measured, chosen__isnull=True, due_at__lte=at)
    return undecided.filter(run__campaign__state=State.HOLDING, run__campaign__paused=False)


def decide_now(row: SplitTestRun, *, by: Actor = SYSTEM) -> Decision:
    """Measure, keep what was measured, and send what has won to the rest, or what the test says where nothing has.

    A person who ends the wait early (T12) needs the permission to release the campaign. Raises NotAllowed, and
    InvalidTransition where it is decided already or the campaign does not wait.
    """
    with _locked(row, by) as row:
        test = SplitTest.objects.get(campaign=row.run.campaign_id)
        measured = measuring.measure(row.run, Metric(test.metric))
        found = decide(Metric(test.metric), measured, test.terms)
        _keep(row, test, measured, found)
        if (variant := _chosen(test, found)) is not None:
            _choose(row, variant, by=by, reason=found.reason)
        elif by.user is None:
            record(row.run.campaign, "ask", by=by, before=row.run.campaign.state, reason=found.reason)
    return found


def choose(row: SplitTestRun, variant: Variant, *, by: Actor, reason: str) -> None:
    """A person's choice, early or where nothing was clear; what was measured until now is kept beside it.

    Raises NotReady without a reason or for another campaign's variant, NotAllowed, and InvalidTransition where it is
    decided already or the campaign does not wait.
    """
    if not reason.strip():
        raise NotReady({"reason": ["Say why."]})
    with _locked(row, by) as row:
        if variant.campaign_id != row.run.campaign_id:
            raise NotReady({"variant": ["This campaign has no such variant."]})
        test = SplitTest.objects.get(campaign=row.run.campaign_id)
        measured = measuring.measure(row.run, Metric(test.metric))
        _keep(row, test, measured, decide(Metric(test.metric), measured, test.terms))
        _choose(row, variant.pk, by=by, reason=reason.strip())


def replay(snapshot: dict[str, Any]) -> Decision:
    """What is decided from a snapshot; the same each time."""
    measured = [Measured(**each) for each in snapshot["measured"]]
    return decide(Metric(snapshot["metric"]), measured, Terms(**snapshot["terms"]))


@contextmanager
def _locked(row: SplitTestRun, by: Actor) -> Iterator[SplitTestRun]:
    """The row, while nobody else can decide it or move its campaign; all guards of the release are asked before
    anything is written. The campaign comes first, as in every verb, so that no two wait for each other."""
    if SplitTestRun.objects.filter(pk=row.pk, chosen__isnull=False).exists():  # who was slower is told why
        raise InvalidTransition("release", row.run.campaign.state, DECIDED)
    with locked(row.run.campaign, "release", by) as campaign:
        mine = SplitTestRun.objects.select_for_update(of=("self",)).select_related("run__campaign").get(pk=row.pk)
        require(mine.chosen_id is None, "release", campaign, DECIDED)
        require(not campaign.paused, "release", campaign, "Resume the campaign first: it is paused.")
        yield mine


def _keep(row: SplitTestRun, test: SplitTest, measured: Sequence[Measured], found: Decision) -> None:
    row.measured_at = now()
    row.snapshot = {
        "metric": str(test.metric),
        "terms": asdict(test.terms),
        "measured": [asdict(each) for each in measured],
        "chances": [round(each.chance, 6) for each in found.standings],
        **snapshots.taken(row.run),
    }
    row.verdict, row.reason = str(found.verdict), found.reason
    looks.add(row, row.run, Metric(test.metric))
    row.save(update_fields=["measured_at", "snapshot", "verdict", "reason", "looks", "looked_at"])


def _chosen(test: SplitTest, found: Decision) -> int | None:
    if found.verdict == Verdict.WON or test.when_unclear == SplitTest.WhenUnclear.LEADER:
        return found.leader
    if test.when_unclear == SplitTest.WhenUnclear.FIRST:
        reached = [each.measured for each in found.standings if each.measured.people]
        return (reached or [found.standings[0].measured])[0].variant_id
    return None


def _choose(row: SplitTestRun, variant_id: int, *, by: Actor, reason: str) -> None:
    variant = Variant.objects.get(pk=variant_id)
    lifecycle.release(row.run.campaign, by=by, reason=reason, variant=variant.name)
    row.chosen_id, row.chosen_at, row.chosen_by, row.reason = variant_id, now(), by.user, reason[:500]
    row.save(update_fields=["chosen", "chosen_at", "chosen_by", "reason"])


# --- the rest ----------------------------------------------------------------------------------------------------


def to_free() -> QuerySet[SplitTestRun]:
    """Decided, and some of the rest still held."""
    held = Batch.objects.filter(run=OuterRef("run"), held=True, state=Batch.State.WAITING)
    return SplitTestRun.objects.filter(Exists(held), chosen__isnull=False, run__campaign__state=State.SENDING)


def free(row: SplitTestRun) -> int:
    """Give everybody who waits what was chosen, a batch at a time, and let workers take it; how many batches."""
    held = Batch.objects.filter(run=row.run_id, held=True).order_by("number")
    return sum(_free(batch_id, row.chosen_id) for batch_id in list(held.values_list("pk", flat=True)))


def _free(batch_id: int, variant_id: int | None) -> bool:
    with transaction.atomic():
        waiting = Batch.objects.filter(pk=batch_id, held=True, state=Batch.State.WAITING)
        batch = waiting.select_for_update().first()
        if batch is None:  # somebody else was here, or the campaign was cancelled and its people dropped
            return False
        Recipient.objects.filter(batch=batch_id).update(variant=variant_id)
        batch.held = False
        batch.save(update_fields=["held"])
    return True

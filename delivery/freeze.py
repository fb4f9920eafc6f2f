"""Fix the audience of a run: one INSERT ... SELECT writes its recipients, with variant, batch and skip reason.

All of it, from the mark on the run to the campaign's move to sending, is one transaction: whoever is killed half-way
leaves nothing behind, and of two workers one finds the run taken. A freeze with a frequency cap waits for others of its
organization and channel (`capping.wait_for_others`), so that no two take the same person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, gcd
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef
from django.utils.timezone import now

from audience import selection
from campaigns import lifecycle
from campaigns.models import Campaign, CampaignRun, State, Variant
from delivery import audiences, capping
from delivery.audiences import Audience
from delivery.models import Batch, Recipient

# `place` numbers the people who get a message and cuts them into batches; `turn` shuffles them before they are dealt to
# the variants, so that neighbours on a list are not always in the same one.
_INSERT = """
INSERT INTO delivery_recipient
    (run_id, subscriber_id, subscription_id, variant_id, batch_id, address, state, skip_reason, attempts, claim,
     reply_text, settled_at)
SELECT {run}, dealt.id, dealt.subscription_id, {variant}, batch.id, dealt.address,
       CASE WHEN dealt.skip_reason = '' THEN 'pending' ELSE 'skipped' END, dealt.skip_reason, 0, 0, '',
       CASE WHEN dealt.skip_reason = '' THEN NULL ELSE %s END
FROM (
    SELECT person.id, person.subscription_id, person.address, person.skip_reason,
           ROW_NUMBER() OVER (PARTITION BY person.skip_reason <> '' ORDER BY person.id) AS place{turn}
    FROM ({audience}) AS person
) AS dealt
LEFT JOIN delivery_batch AS batch
    ON batch.run_id = {run} AND dealt.skip_reason = ''
    AND batch.number = {batch}
{order}
"""
_TURN = """,
           ROW_NUMBER() OVER (
               PARTITION BY person.skip_reason <> '' ORDER BY (person.id * 2654435761 + {run}) %% 4294967296, person.id
           ) AS turn"""
# How many get a message at all, for those of whom a sample is taken.
_MAILABLE = """,
           COUNT(*) OVER (PARTITION BY person.skip_reason <> '') AS mailable"""
# Who gets a message first, so that batches and indexes are written from one end to the other. Where nobody takes turns,
# people come in this order anyway.
_ORDER = "ORDER BY dealt.skip_reason <> '', dealt.place"
_ORDER_OF_TURNS = "ORDER BY dealt.skip_reason <> '', dealt.turn"
# Asked what share of a campaign's audience is sent to first, in hundredths of a per cent; None for all. `splittests`
# puts its answer here when the app starts.
SHARES_FIRST: list[Callable[[Campaign], int | None]] = []
ALL = 10_000


@dataclass(frozen=True)
class Layout:
    """How people are cut into batches: the sample's batches first, then `held` ones, numbered from `first_held` on.

    `share`: of those who get a message, in hundredths of a per cent, who is of the sample; None where there is none.
    """

    batches: int
    share: int | None = None
    first_held: int = 0
    least: int = 0

    @property
    def sample(self) -> str:
        """SQL for how many people are of the sample: the share cut down to whole people, and one for each variant."""
        of_share = f"dealt.mailable * {self.share} / {ALL}"
        return f"CASE WHEN {of_share} < {self.least} THEN {self.least} ELSE {of_share} END"

    @property
    def batch(self) -> str:
        """SQL for the number of a person's batch; who comes after the count goes into the last one, of the sample into
        the sample's last: nobody of it may end up among those who wait."""
        size = settings.BATCH_SIZE
        if self.share is None:
            last = f"dealt.place > {self.batches * size} THEN {self.batches}"
            return f"CASE WHEN {last} ELSE (dealt.place - 1) / {size} + 1 END"
        number = f"{self.first_held} + (dealt.turn - ({self.sample}) - 1) / {size}"
        held = f"CASE WHEN {number} > {self.batches} THEN {self.batches} ELSE {number} END"
        end = self.first_held - 1
        first = f"CASE WHEN dealt.turn > {end * size} THEN {end} ELSE (dealt.turn - 1) / {size} + 1 END"
        return f"CASE WHEN dealt.turn <= ({self.sample}) THEN {first} ELSE {held} END"


def freeze(campaign: Campaign) -> CampaignRun:
    """The campaign's run with its audience fixed; asked again, it changes nothing.

    Raises InvalidTransition when the campaign is stopped meanwhile, and then nothing of the run is kept.
    """
    with audiences.planned_for_many():
        run = _taken(campaign)
        if run is not None:
            planned, mailable = _plan(campaign, run)
            lifecycle.freeze(campaign, user_count=planned, total_recipients=mailable)
    return run or campaign.runs.latest("number")


def _taken(campaign: Campaign) -> CampaignRun | None:
    """The run that waits to be frozen, marked as frozen in this transaction; None when somebody else is at it."""
    run = (
        CampaignRun.objects.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)
        .filter(campaign=campaign, campaign__state=State.CALCULATING, frozen_at__isnull=True)
        .order_by("number")
        .first()
    )
    if run is None or not CampaignRun.objects.filter(pk=run.pk, frozen_at__isnull=True).update(frozen_at=now()):
        return None
    return run


def _plan(campaign: Campaign, run: CampaignRun) -> tuple[int, int]:
    """Write recipients, batches and counters; how many people, and how many of them get a message."""
    people = audiences.of(campaign)
    capping.wait_for_others(campaign.organization, campaign.channel, capped=bool(people.cap_hours))
    moment = now()
    variants = list(campaign.variants.order_by("position"))
    layout = _make_batches(run, people, share=_share_first(campaign, variants), least=len(variants))
    audiences.expect(layout.batches * settings.BATCH_SIZE)
    _insert(run, people, variants, layout, moment)
    counted = dict(run.recipients.values_list("state").annotate(Count("pk")).order_by())
    mailable, skipped = counted.get(Recipient.State.PENDING, 0), counted.get(Recipient.State.SKIPPED, 0)
    figures: dict[str, Any] = {"planned": mailable + skipped, "skipped": skipped, "frozen_at": moment}
    figures["excluded"] = audiences.excluded_people(people)
    run.batches.filter(~Exists(Recipient.objects.filter(batch=OuterRef("pk"), state=Recipient.State.PENDING))).delete()
    if not mailable:
        figures["finished_at"] = now()
    CampaignRun.objects.filter(pk=run.pk).update(**figures)
    run.refresh_from_db()
    return run.planned, mailable


def _share_first(campaign: Campaign, variants: Sequence[Variant]) -> int | None:
    answers = [share for ask in SHARES_FIRST if (share := ask(campaign)) is not None]
    return answers[0] if answers and len(variants) > 1 else None


def _make_batches(run: CampaignRun, people: Audience, *, share: int | None, least: int) -> Layout:
    """Enough for everybody, since to count who is not skipped costs as much as to write them; the surplus goes later.
    People who appear between this count and the INSERT go into the last one."""
    most = selection.at_most(people.organization, people.parts)
    layout = _layout(most, share, least)
    Batch.objects.bulk_create(
        Batch(run=run, number=number, held=share is not None and number >= layout.first_held)
        for number in range(1, layout.batches + 1)
    )
    return layout


def _layout(most: int, share: int | None, least: int) -> Layout:
    size = settings.BATCH_SIZE
    if share is None:
        return Layout(max(1, ceil(most / size)))
    # with room for people who appear meanwhile, of whom some are of the sample
    for_sample = ceil(max(least, most * share // ALL) / size) + 1
    return Layout(for_sample + max(1, ceil(most / size)), share, for_sample + 1, least)


def _insert(run: CampaignRun, people: Audience, variants: Sequence[Variant], layout: Layout, at: datetime) -> None:
    audience_sql, audience_parameters = audiences.sql(people, at=at, but=run)
    has_turns, has_sample = len(variants) > 1, layout.share is not None
    sql = _INSERT.format(
        run=run.pk,
        variant=_variant(variants, layout),
        turn=(_TURN.format(run=run.pk) if has_turns else "") + (_MAILABLE if has_sample else ""),
        order=_ORDER_OF_TURNS if has_sample else _ORDER if has_turns else "",
        audience=audience_sql,
        batch=layout.batch,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datetimefield_value(at), *audience_parameters])


def _variant(variants: Sequence[Variant], layout: Layout) -> str:
    """SQL for the variant of a person: each gets its share of every round of turns exactly, and nearly so before.

    Who is not of the sample has none until it is decided; who gets no message at all counts to one all the same.
    """
    if len(variants) == 1:
        return str(variants[0].pk)
    weights = _shares([variant.weight for variant in variants])
    round_of_turns = sum(weights)
    slot, limit, cases = f"((dealt.turn - 1) * {_stride(round_of_turns)} %% {round_of_turns})", 0, []
    for variant, weight in zip(variants, weights, strict=True):
        limit += weight
        cases.append(f"WHEN {slot} < {limit} THEN {variant.pk}")
    dealt = f"CASE {' '.join(cases)} END"
    if layout.share is None:
        return dealt
    return f"CASE WHEN dealt.skip_reason <> '' OR dealt.turn <= ({layout.sample}) THEN {dealt} END"


def _shares(weights: Sequence[int]) -> list[int]:
    """The smallest whole numbers in the same proportion; without any weight, equal ones."""
    divisor = gcd(*weights)
    return [weight // divisor for weight in weights] if divisor else [1] * len(weights)


def _stride(length: int) -> int:
    """A step that visits each of `length` slots once a round and spreads the first few evenly: near the golden section
    of the length, and without a common divisor."""
    return next(step for step in range(max(1, round(length * 0.618)), length + 1) if gcd(step, length) == 1)

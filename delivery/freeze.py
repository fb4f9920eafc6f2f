"""Fix the audience of a run: one INSERT ... SELECT writes its recipients, with variant, batch and skip reason.

All of it, from the mark on the run to the campaign's move to sending, is one transaction: whoever is killed half-way
leaves nothing behind, and of two workers one finds the run taken. A freeze with a frequency cap waits for others of its
organization and channel (`capping.wait_for_others`), so that no two take the same person.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from math import gcd
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.models import Campaign, CampaignRun, State, Variant
from delivery import audiences, capping, layouts, zones
from delivery.audiences import Again, Audience
from delivery.layouts import ByZone, Group, Layout
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
FROM ({people}) AS dealt
LEFT JOIN delivery_batch AS batch
    ON batch.run_id = {run} AND dealt.skip_reason = ''
    AND batch.number = {batch}
{order}
"""
_IN_A_ROW = """
    SELECT person.id, person.subscription_id, person.address, person.skip_reason,
           ROW_NUMBER() OVER (PARTITION BY person.skip_reason <> '' ORDER BY person.id) AS place{turn}
    FROM ({audience}) AS person
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
# Where people go by clocks of their own, those of one clock are numbered among themselves.
_BY_ZONE = """
    SELECT dealt.*, ROW_NUMBER() OVER (
               PARTITION BY dealt.skip_reason <> '', dealt.number, {waits} ORDER BY dealt.{by}) AS place
    FROM (
        SELECT person.id, person.subscription_id, person.address, person.skip_reason,
               COALESCE(clock.number, {number}) AS number, COALESCE(clock.batches, {batches}) AS batches{turn}
        FROM ({audience}) AS person
        LEFT JOIN {clocks} ON clock.name = person.zone
    ) AS dealt
"""
_CLOCKS = {
    "postgresql": "jsonb_to_recordset(%s::jsonb) AS clock(name text, number integer, batches integer)",
    "sqlite": """(SELECT value ->> 'name' AS name, value ->> 'number' AS number, value ->> 'batches' AS batches
        FROM json_each(%s)) AS clock""",
}
_HAD = """(
    SELECT CASE earlier.variant_id {cases} END FROM delivery_recipient AS earlier
    WHERE earlier.run_id = {run} AND earlier.subscriber_id = dealt.id)"""
_ORDER_BY_ZONE = "ORDER BY dealt.skip_reason <> '', batch.number, dealt.place"
_COUNT_BATCHES = """
UPDATE delivery_batch SET people = (
    SELECT COUNT(*) FROM delivery_recipient AS recipient
    WHERE recipient.batch_id = delivery_batch.id AND recipient.state = 'pending')
WHERE run_id = %s
"""
# Asked what share of a campaign's audience is sent to first, in hundredths of a per cent; None for all. `splittests`
# puts its answer here when the app starts.
SHARES_FIRST: list[Callable[[Campaign], int | None]] = []


def freeze(campaign: Campaign) -> CampaignRun | None:
    """The campaign's run with its audience fixed; asked again, it changes nothing. None before it has any, as of one
    that is resumed before its time has come.

    Raises InvalidTransition when the campaign is stopped meanwhile, and then nothing of the run is kept.
    """
    with audiences.planned_for_many():
        run = _taken(campaign)
        if run is not None:
            planned, mailable = _plan(campaign, run)
            lifecycle.freeze(campaign, user_count=planned, total_recipients=mailable)
    return run or campaign.runs.order_by("-number").first()


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
    share = _share_first(campaign, variants)
    layout = _make_batches(run, zones.groups(campaign, people, moment), share, least=len(variants))
    audiences.expect(layout.batches * settings.BATCH_SIZE)
    _insert(run, people, variants, layout, moment)
    counted = dict(run.recipients.values_list("state").annotate(Count("pk")).order_by())
    mailable, skipped = counted.get(Recipient.State.PENDING, 0), counted.get(Recipient.State.SKIPPED, 0)
    figures: dict[str, Any] = {"planned": mailable + skipped, "skipped": skipped, "frozen_at": moment}
    figures["excluded"] = audiences.excluded_people(people)
    run.batches.filter(~Exists(Recipient.objects.filter(batch=OuterRef("pk"), state=Recipient.State.PENDING))).delete()
    if isinstance(layout, ByZone):
        with connection.cursor() as cursor:
            cursor.execute(_COUNT_BATCHES, [run.pk])
    if not mailable:
        figures["finished_at"] = now()
    CampaignRun.objects.filter(pk=run.pk).update(**figures)
    run.refresh_from_db()
    return run.planned, mailable


def _share_first(campaign: Campaign, variants: Sequence[Variant]) -> int | None:
    answers = [share for ask in SHARES_FIRST if (share := ask(campaign)) is not None]
    return answers[0] if answers and len(variants) > 1 else None


def _make_batches(run: CampaignRun, groups: Sequence[Group], share: int | None, *, least: int) -> Layout | ByZone:
    """Enough for everybody, since to count who is not skipped costs as much as to write them; the surplus goes later.
    People who appear between this count and the INSERT go into the last one."""
    by_zone = bool(groups[0].zone)
    layout = layouts.by_zone(groups, share, least) if by_zone else layouts.plain(groups[0], share, least)
    Batch.objects.bulk_create(layout.rows(run))
    return layout


def _insert(
    run: CampaignRun, people: Audience, variants: Sequence[Variant], layout: Layout | ByZone, at: datetime
) -> None:
    has_turns, has_sample = len(variants) > 1, layout.share is not None
    turn = (_TURN.format(run=run.pk) if has_turns else "") + (_MAILABLE if has_sample else "")
    order = _ORDER_OF_TURNS if has_sample else _ORDER if has_turns else ""
    if isinstance(layout, ByZone):
        rows, parameters = _by_zone(run, people, layout, turn, at)
        order = _ORDER_BY_ZONE
    else:
        audience, parameters = audiences.sql(people, at=at, but=run)
        rows = _IN_A_ROW.format(turn=turn, audience=audience)
    variant = _had(people.again) if people.again and people.again.variants else _variant(variants, layout)
    sql = _INSERT.format(run=run.pk, variant=variant, order=order, people=rows, batch=layout.batch)
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datetimefield_value(at), *parameters])


def _by_zone(run: CampaignRun, people: Audience, layout: ByZone, turn: str, at: datetime) -> tuple[str, list[Any]]:
    """SQL for the people, each with the numbers of the batches of their clock."""
    names = [zone["name"] for zone in layout.zones]
    audience, parameters = audiences.sql(people, at=at, but=run, zones=names)
    others = layout.of_the_others
    rows = _BY_ZONE.format(
        turn=turn,
        by="turn" if turn else "id",
        waits=layout.waits,
        number=others.number,
        batches=others.batches,
        audience=audience,
        clocks=_CLOCKS[connection.vendor],
    )
    return rows, [*parameters, json.dumps(layout.zones)]


def _had(again: Again) -> str:
    """SQL for the variant of a person who gets what they had."""
    cases = " ".join(f"WHEN {before} THEN {now_is}" for before, now_is in again.variants.items())
    return _HAD.format(cases=cases, run=again.run.pk)


def _variant(variants: Sequence[Variant], layout: Layout | ByZone) -> str:
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

"""Fix the audience of a run: one INSERT ... SELECT writes its recipients, with variant, batch and skip reason.

All of it, from the mark on the run to the campaign's move to sending, is one transaction: whoever is killed half-way
leaves nothing behind, and of two workers one finds the run taken. A freeze with a frequency cap waits for others of its
organization and channel (`capping.wait_for_others`), so that no two take the same person.
"""

from collections.abc import Sequence
from datetime import datetime
from math import ceil, gcd
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count
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
    AND batch.number = CASE WHEN dealt.place > {room} THEN {batches} ELSE (dealt.place - 1) / {size} + 1 END
{order}
"""
_TURN = """,
           ROW_NUMBER() OVER (
               PARTITION BY person.skip_reason <> '' ORDER BY (person.id * 2654435761 + {run}) %% 4294967296, person.id
           ) AS turn"""
# Who gets a message first, so that batches and indexes are written from one end to the other. Where nobody takes turns,
# people come in this order anyway.
_ORDER = "ORDER BY dealt.skip_reason <> '', dealt.place"


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
    batches = _make_batches(run, people)
    audiences.expect(batches * settings.BATCH_SIZE)
    _insert(run, people, list(campaign.variants.order_by("position")), batches, moment)
    counted = dict(run.recipients.values_list("state").annotate(Count("pk")).order_by())
    mailable, skipped = counted.get(Recipient.State.PENDING, 0), counted.get(Recipient.State.SKIPPED, 0)
    figures: dict[str, Any] = {"planned": mailable + skipped, "skipped": skipped, "frozen_at": moment}
    figures["excluded"] = audiences.excluded_people(people)
    run.batches.filter(number__gt=ceil(mailable / settings.BATCH_SIZE)).delete()
    if not mailable:
        figures["finished_at"] = now()
    CampaignRun.objects.filter(pk=run.pk).update(**figures)
    run.refresh_from_db()
    return run.planned, mailable


def _make_batches(run: CampaignRun, people: Audience) -> int:
    """Enough for everybody, since to count who is not skipped costs as much as to write them; the surplus goes later.
    People who appear between this count and the INSERT go into the last one."""
    most = selection.at_most(people.organization, people.parts)
    needed = max(1, ceil(most / settings.BATCH_SIZE))
    Batch.objects.bulk_create(Batch(run=run, number=number) for number in range(1, needed + 1))
    return needed


def _insert(run: CampaignRun, people: Audience, variants: Sequence[Variant], batches: int, at: datetime) -> None:
    audience_sql, audience_parameters = audiences.sql(people, at=at, but=run)
    sql = _INSERT.format(
        run=run.pk,
        variant=_variant(variants),
        turn=_TURN.format(run=run.pk) if len(variants) > 1 else "",
        order=_ORDER if len(variants) > 1 else "",
        audience=audience_sql,
        batches=batches,
        size=settings.BATCH_SIZE,
        room=batches * settings.BATCH_SIZE,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [connection.ops.adapt_datetimefield_value(at), *audience_parameters])


def _variant(variants: Sequence[Variant]) -> str:
    """SQL for the variant of a person: each gets its share of every round of turns exactly, and nearly so before."""
    if len(variants) == 1:
        return str(variants[0].pk)
    weights = _shares([variant.weight for variant in variants])
    round_of_turns = sum(weights)
    slot, limit, cases = f"((dealt.turn - 1) * {_stride(round_of_turns)} %% {round_of_turns})", 0, []
    for variant, weight in zip(variants, weights, strict=True):
        limit += weight
        cases.append(f"WHEN {slot} < {limit} THEN {variant.pk}")
    return f"CASE {' '.join(cases)} END"


def _shares(weights: Sequence[int]) -> list[int]:
    """The smallest whole numbers in the same proportion; without any weight, equal ones."""
    divisor = gcd(*weights)
    return [weight // divisor for weight in weights] if divisor else [1] * len(weights)


def _stride(length: int) -> int:
    """A step that visits each of `length` slots once a round and spreads the first few evenly: near the golden section
    of the length, and without a common divisor."""
    return next(step for step in range(max(1, round(length * 0.618)), length + 1) if gcd(step, length) == 1)

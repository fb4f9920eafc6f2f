"""Hits judged again: when rules have changed, and when a recipient's hits together say what none of them says alone.

What is stored of a recipient is taken off by counting their hits with their old verdicts, and added by counting them
with the new ones: the order is that in which they were counted first, so that what is taken off is what was added. The
hits themselves are not changed but for their verdicts.

Hits of people who were erased are left as they are: what they would have to be judged by is gone. Runs that retention
has taken hits from are passed over, since what is left does not say what was counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from stats import bulk, classification, counting
from stats.classification import Verdict, of_history
from stats.counting import Judged, Known
from stats.models import Event
from stats.tally import COUNTS, BreakdownKey, Count, CounterKey, Tally
from tracking.spool import Hit

HIT = (
    *("kind", "run_id", "recipient_id", "subscriber_id", "at"),
    *("link_position", "url", "ip_address", "user_agent", "data"),
)
Stored = tuple[int, Judged]  # an event's id, and the event
Key = TypeVar("Key", CounterKey, BreakdownKey)


def recheck(recipients: Iterable[int]) -> int:
    """Judge all hits of these recipients by today's rules; how many verdicts have changed. In a transaction, in turn
    with ingest (`stats.ingest.take_turn`)."""
    stored = _still_whole(_stored(set(recipients)))
    before = [judged for _, judged in stored]
    after = _judged_again(before)
    changed = [(pk, new) for (pk, old), new in zip(stored, after, strict=True) if old.verdict != new.verdict]
    if changed:
        moved = {new.hit.recipient_id for _, new in changed}
        _count_again([each for each in before if each.hit.recipient_id in moved], after, moved)
        _write_verdicts(changed)
    return len(changed)


def _stored(recipients: set[int]) -> list[Stored]:
    """Their events in the order in which they were counted, recipient by recipient."""
    known = {pk: each for pk, each in counting.known_recipients(recipients).items() if each.subscriber_id}
    rows = Event.objects.filter(recipient__in=bulk.among(known)).order_by("recipient_id", "pk")
    return [
        (pk, _judged(Verdict(agent, reason), values, known))
        for pk, agent, reason, *values in rows.values_list("pk", "agent", "agent_reason", *HIT)
    ]


def _judged(verdict: Verdict, values: Sequence[object], known: dict[int, Known]) -> Judged:
    hit = Hit(*values)  # type: ignore[arg-type]
    return Judged(hit, known[hit.recipient_id], verdict)


def _still_whole(stored: Sequence[Stored]) -> list[Stored]:
    """Without the recipients some of whose hits are gone: counted again, they do not give what is stored."""
    tally = Tally({}, {})
    counting.add_up(tally, [judged for _, judged in stored])
    known = counting.standing_of({judged.hit.recipient_id for _, judged in stored})
    whole = {pk for pk, standing in tally.standings.items() if known.standings.get(pk) == standing}
    return [(pk, judged) for pk, judged in stored if judged.hit.recipient_id in whole]


def _judged_again(judged: Sequence[Judged]) -> list[Judged]:
    again: list[Judged] = []
    for _, group in groupby(judged, key=lambda each: each.hit.recipient_id):
        hits = list(group)
        verdicts = of_history([each.hit for each in hits], hits[0].known.settled_at)
        again += [each._replace(verdict=verdict) for each, verdict in zip(hits, verdicts, strict=True)]
    return again


def _count_again(before: Sequence[Judged], after: Sequence[Judged], moved: set[int]) -> None:
    old, new = Tally({}, {}), Tally({}, {})
    counting.add_up(old, before)
    counting.add_up(new, [each for each in after if each.hit.recipient_id in moved])
    counting.store_standings(new, {each.hit.recipient_id: each.known for each in before})
    counting.change_counts(Tally({}, {}, _less(new.counts, old.counts), _less(new.breakdowns, old.breakdowns)))
    counting.store_counts(Tally({}, {}, _only(new.counts, old.counts), _only(new.breakdowns, old.breakdowns)))


def _less(counts: Mapping[Key, Count], others: Mapping[Key, Count]) -> dict[Key, Count]:
    """What is more or less where there were counts before."""
    differences: dict[Key, Count] = {}
    for key, other in others.items():
        count = counts.get(key, Count())
        differences[key] = Count(other.url, *(getattr(count, name) - getattr(other, name) for name in COUNTS))
    return differences


def _only(counts: Mapping[Key, Count], others: Mapping[Key, Count]) -> dict[Key, Count]:
    return {key: count for key, count in counts.items() if key not in others}


def _write_verdicts(changed: Sequence[tuple[int, Judged]]) -> None:
    by_verdict: dict[Verdict, list[int]] = {}
    for pk, judged in changed:
        by_verdict.setdefault(judged.verdict, []).append(pk)
    for verdict, ids in by_verdict.items():
        Event.objects.filter(pk__in=bulk.among(ids)).update(
            agent=verdict.agent, agent_reason=verdict.reason, rules_version=classification.VERSION
        )

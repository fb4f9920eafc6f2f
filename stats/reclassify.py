"""Hits judged again: when rules have changed, and when a recipient's hits together say what none of them says alone.

What is stored of a recipient is taken off by counting their hits with their old verdicts, and added by counting them
with the new ones: the order is that in which they were counted first, so that what is taken off is what was added. The
hits themselves are not changed but for their verdicts.

Hits from before there were rules (version 0) were people's hits for all anybody knew, in hours of UTC, and were broken
down by nothing: so they are taken off, and what is missing of them comes with the new count.

Hits of people who were erased are left as they are: what they would have to be judged by is gone. So are those of a
recipient some of whose hits retention has dropped, since what is left does not say what was counted. Breakdowns by
program move people's hits under the names that programs have today.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, TypeVar

from stats import bulk, classification, counting
from stats.classification import Verdict, of_history
from stats.counting import Judged, Known
from stats.models import READ, CountedKind, Event
from stats.tally import COUNTS, FIRST_TIME, HOW_OFTEN, BreakdownKey, Count, CounterKey, Tally
from tracking.spool import Hit

HIT = (
    *("kind", "run_id", "recipient_id", "subscriber_id", "at"),
    *("link_position", "url", "ip_address", "user_agent", "data"),
)
# What shows whether all hits are still there; who made them is another matter.
PROOF = (*FIRST_TIME.values(), *HOW_OFTEN.values(), "revenue_cents")
# Counted only since there are rules.
NEW_WITH_RULES = {*CountedKind.values} - {READ}
Key = TypeVar("Key", CounterKey, BreakdownKey)
Change = tuple[Verdict, Verdict]  # from, to


class Stored(NamedTuple):
    """An event by its id, with the version of the rules that judged it."""

    pk: int
    version: int
    judged: Judged


@dataclass
class Outcome:
    """`hits`: how many were judged. `changes`: how many verdicts have changed, from which to which. `passed_over`:
    recipients by run some of whose hits are gone."""

    hits: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    passed_over: Counter[int] = field(default_factory=Counter)

    def add(self, other: "Outcome") -> None:
        self.hits += other.hits
        self.changes += other.changes
        self.passed_over += other.passed_over


def recheck(recipients: Iterable[int], *, dry_run: bool = False) -> Outcome:
    """Judge all hits of these recipients by today's rules. In a transaction, in turn with ingest
    (`stats.ingest.take_turn`); with `dry_run` nothing is written, and neither is needed."""
    found = _stored(set(recipients))
    stored = _still_whole(found)
    after = _judged_again([each.judged for each in stored])
    pairs = list(zip(stored, after, strict=True))
    if not dry_run:
        _write(pairs)
    changes = Counter((each.judged.verdict, new.verdict) for each, new in pairs if each.judged.verdict != new.verdict)
    return Outcome(len(stored), changes, _gone(found, stored))


# --- reading -----------------------------------------------------------------------------------------------------


def _stored(recipients: set[int]) -> list[Stored]:
    """Their events in the order in which they were counted, recipient by recipient."""
    known = {pk: each for pk, each in counting.known_recipients(recipients).items() if each.subscriber_id}
    events = Event.objects.filter(recipient__in=bulk.among(known)).order_by("recipient_id", "pk")
    rows = events.values_list("pk", "rules_version", "agent", "agent_reason", *HIT)
    return [
        Stored(pk, version, _judged(Verdict(agent, reason), values, known))
        for pk, version, agent, reason, *values in rows
    ]


def _judged(verdict: Verdict, values: Sequence[object], known: dict[int, Known]) -> Judged:
    hit = Hit(*values)  # type: ignore[arg-type]
    return Judged(hit, known[hit.recipient_id], verdict)


def _still_whole(stored: Sequence[Stored]) -> list[Stored]:
    """Without the recipients some of whose hits are gone: counted again, they do not give what is stored."""
    tally = Tally({}, {})
    counting.add_up(tally, [each.judged for each in stored])
    known = counting.standing_of({each.judged.hit.recipient_id for each in stored}).standings
    whole = {pk for pk, standing in tally.standings.items() if pk in known and _proof(known[pk]) == _proof(standing)}
    return [each for each in stored if each.judged.hit.recipient_id in whole]


def _proof(standing: object) -> list[object]:
    return [getattr(standing, name) for name in PROOF]


def _gone(found: Sequence[Stored], whole: Sequence[Stored]) -> Counter[int]:
    kept = {each.judged.hit.recipient_id for each in whole}
    left = {each.judged.hit.recipient_id: each.judged.hit.run_id for each in found}
    return Counter(run for recipient, run in left.items() if recipient not in kept)


def _judged_again(judged: Sequence[Judged]) -> list[Judged]:
    again: list[Judged] = []
    for _, group in groupby(judged, key=lambda each: each.hit.recipient_id):
        hits = list(group)
        verdicts = of_history([each.hit for each in hits], hits[0].known.settled_at)
        again += [each._replace(verdict=verdict) for each, verdict in zip(hits, verdicts, strict=True)]
    return again


# --- counting ----------------------------------------------------------------------------------------------------


def _count_again(before: Sequence[Stored], after: Sequence[Judged]) -> None:
    old, new = _as_counted(before), Tally({}, {})
    counting.add_up(new, after)
    counting.store_standings(new, {each.judged.hit.recipient_id: each.judged.known for each in before})
    counting.change_counts(Tally({}, {}, _less(new.counts, old.counts), _less(new.breakdowns, old.breakdowns)))
    counting.store_counts(Tally({}, {}, _only(new.counts, old.counts), _only(new.breakdowns, old.breakdowns)))


def _as_counted(stored: Sequence[Stored]) -> Tally:
    """What these hits have added to the counters when they were stored. Those of version 0 came first."""
    tally = Tally({}, {})
    counting.add_up(tally, [each.judged for each in stored if not each.version], timezone="UTC")
    tally.breakdowns.clear()
    for key in [key for key in tally.counts if key.kind in NEW_WITH_RULES]:
        del tally.counts[key]
    counting.add_up(tally, [each.judged for each in stored if each.version])
    return tally


def _less(counts: Mapping[Key, Count], others: Mapping[Key, Count]) -> dict[Key, Count]:
    """What is more or less where there were counts before."""
    differences: dict[Key, Count] = {}
    for key, other in others.items():
        count = counts.get(key, Count())
        differences[key] = Count(other.url, *(getattr(count, name) - getattr(other, name) for name in COUNTS))
    return differences


def _only(counts: Mapping[Key, Count], others: Mapping[Key, Count]) -> dict[Key, Count]:
    return {key: count for key, count in counts.items() if key not in others}


# --- writing -----------------------------------------------------------------------------------------------------


def _write(pairs: Sequence[tuple[Stored, Judged]]) -> None:
    """Counts of the recipients for whom anything changes, and all verdicts."""
    moved = {
        new.hit.recipient_id for each, new in pairs if not each.version or each.judged.verdict != new.verdict
    }  # fmt: skip
    if moved:
        of_them = [(each, new) for each, new in pairs if new.hit.recipient_id in moved]
        _count_again([each for each, _ in of_them], [new for _, new in of_them])
    _write_verdicts(pairs)


def _write_verdicts(pairs: Iterable[tuple[Stored, Judged]]) -> None:
    """Also where a verdict stands: from now on it is one of today's rules."""
    by_verdict: dict[Verdict, list[int]] = {}
    for each, new in pairs:
        if each.version != classification.VERSION or each.judged.verdict != new.verdict:
            by_verdict.setdefault(new.verdict, []).append(each.pk)
    for verdict, ids in by_verdict.items():
        Event.objects.filter(pk__in=bulk.among(ids)).update(
            agent=verdict.agent, agent_reason=verdict.reason, rules_version=classification.VERSION
        )

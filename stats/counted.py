"""From sums over counters to figures: which counter each figure is made of. Pure but for the sums themselves.

What a program can do unasked has two sums, of people and of every hit; the rest has one, which is both.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from campaigns.models import Channel
from delivery.models import Recipient
from stats.classification import JUDGED
from stats.figures import Figures, Results
from stats.models import READ, CountedKind, EventKind

SETTLED_COLUMNS = ("sent", "failed", "skipped", "in_doubt")
RUN_COLUMNS = ("planned", *SETTLED_COLUMNS, "excluded")
BY_PROGRAMS = {*JUDGED, READ}
# Of SMS these stay 0, whatever came back.
EMAIL_ALONE = {"opened", "opens"}
PEOPLE: dict[str, str] = {
    "bounced": EventKind.BOUNCED,
    "bounced_hard": CountedKind.BOUNCED_HARD,
    "bounced_soft": CountedKind.BOUNCED_SOFT,
    "bounced_other": CountedKind.BOUNCED_OTHER,
    "bounced_local": CountedKind.BOUNCED_LOCAL,
    "bounced_remote": CountedKind.BOUNCED_REMOTE,
    "receipts": EventKind.DELIVERED,
    "opened": READ,
    "pixel_opened": EventKind.OPENED,
    "privacy_opened": CountedKind.PRIVACY_OPENED,
    "clicked": EventKind.CLICKED,
    "viewed": EventKind.VIEWED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "complained": EventKind.COMPLAINED,
    "forwarded": EventKind.FORWARDED,
    "converted": EventKind.CONVERTED,
}
TIMES: dict[str, str] = {
    "bounces": EventKind.BOUNCED,
    "opens": READ,
    "pixel_opens": EventKind.OPENED,
    "privacy_opens": CountedKind.PRIVACY_OPENED,
    "clicks": EventKind.CLICKED,
    "views": EventKind.VIEWED,
    "unsubscribes": EventKind.UNSUBSCRIBED,
    "complaints": EventKind.COMPLAINED,
    "forwards": EventKind.FORWARDED,
    "conversions": EventKind.CONVERTED,
}


class Sums(NamedTuple):
    """How often something happened, by everybody and by people; see `stats.models.Counter`."""

    total: int = 0
    unique: int = 0
    human_total: int = 0
    human_unique: int = 0
    revenue_cents: int = 0

    def of(self, kind: str, *, people: bool) -> tuple[int, int]:
        """(total, unique) as people made it, or with every hit."""
        if people and kind in BY_PROGRAMS:
            return self.human_total, self.human_unique
        return self.total, self.unique


Counts = Mapping[str, Sums]  # by kind
NOTHING = Sums()


def summed(rows: QuerySet[Any], *key: str) -> dict[Any, dict[str, Sums]]:
    """Counters or breakdowns added up in one query: by `key` (a value, or a tuple of several), then by kind."""
    names = Sums._fields if hasattr(rows.model, "revenue_cents") else Sums._fields[:-1]
    found: dict[Any, dict[str, Sums]] = defaultdict(dict)
    for row in rows.order_by().values_list(*key, "kind").annotate(*[Sum(name) for name in names]):
        place = row[0] if len(key) == 1 else row[: len(key)]
        found[place][row[len(key)]] = Sums(*row[len(key) + 1 :])
    return found


def added_up(counts: Iterable[Counts]) -> dict[str, Sums]:
    """By kind, over several."""
    whole: dict[str, Sums] = {}
    for each in counts:
        for kind, sums in each.items():
            whole[kind] = Sums(*(one + other for one, other in zip(whole.get(kind, NOTHING), sums, strict=True)))
    return whole


def results(columns: Mapping[str, int], counts: Counts, channel: str, total_recipients: int = 0) -> Results:
    """Figures and raw figures of whatever these columns (of a run, RUN_COLUMNS) and counts are about."""
    settled = sum(columns.get(name, 0) for name in SETTLED_COLUMNS)
    known: dict[str, Any] = {name: columns.get(name, 0) for name in RUN_COLUMNS}
    known |= {"total_recipients": total_recipients, "pending": max(0, columns.get("planned", 0) - settled)}
    known["is_sms"] = channel == Channel.SMS
    return Results(
        figures=Figures(**known | _counted(counts, channel, people=True)),
        raw=Figures(**known | _counted(counts, channel, people=False)),
    )


def _counted(counts: Counts, channel: str, *, people: bool) -> dict[str, int]:
    found = {name: counts.get(kind, NOTHING).of(kind, people=people)[1] for name, kind in PEOPLE.items()}
    found |= {name: counts.get(kind, NOTHING).of(kind, people=people)[0] for name, kind in TIMES.items()}
    if channel != Channel.EMAIL:
        found |= dict.fromkeys(EMAIL_ALONE, 0)
    found["revenue_cents"] = counts.get(EventKind.CONVERTED.value, NOTHING).revenue_cents
    return found


def columns_of(states: Mapping[str, int]) -> dict[str, int]:
    """As the columns of a run would be, from people by state of their message."""
    settled = {name: states.get(name, 0) for name in SETTLED_COLUMNS}
    return {**settled, "planned": sum(settled.values()) + states.get(Recipient.State.PENDING, 0), "excluded": 0}

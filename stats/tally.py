"""Counting hits: what each one changes in its recipient's standing and in the run's counters. Pure: no database.

Rules
- every hit counts once in `total`; the recipient's first of its kind in the run counts in `unique`;
- a click counts at its link; its first on that link counts in `unique_by_link`;
- a recipient has read the mail who opened, clicked or viewed it: the first of these counts one `read` in `total` and
  `unique`, later opens count in `total` alone. So a click without an open implies one open in `read` and none in
  `opened`, which is about the pixel and nothing else.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from stats.models import READ, EventKind
from tracking.spool import Hit

OPENED, CLICKED, VIEWED = EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.VIEWED.value
FIRST_TIME = {kind.value: f"{kind.value}_at" for kind in EventKind}
HOW_OFTEN = {OPENED: "opens", CLICKED: "clicks"}
PROVES_READING = {OPENED, CLICKED, VIEWED}


@dataclass(slots=True)
class Standing:
    """A recipient's engagement; the columns of `stats.models.Engagement`."""

    read_at: datetime | None = None
    opened_at: datetime | None = None
    opens: int = 0
    clicked_at: datetime | None = None
    clicks: int = 0
    viewed_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    bounced_at: datetime | None = None
    complained_at: datetime | None = None

    def reach(self, column: str, at: datetime) -> bool:
        """Note a first time; True where there was none yet. A hit that was spooled late may be the earlier one."""
        before = getattr(self, column)
        if before is None or at < before:
            setattr(self, column, at)
        return before is None


@dataclass(slots=True)
class LinkStanding:
    """One recipient's clicks on one link; the columns of `stats.models.ClickedLink`."""

    clicked_at: datetime
    clicks: int = 0


class CounterKey(NamedTuple):
    run_id: int
    variant_id: int
    kind: str
    link_position: int
    hour: datetime


@dataclass(slots=True)
class Count:
    url: str
    total: int = 0
    unique: int = 0
    unique_by_link: int = 0


LinkKey = tuple[int, int]


@dataclass(slots=True)
class Tally:
    """Starts from what is known of the recipients; after `add` for each hit, holds what is to be stored.

    `standings`: by recipient id. `links`: by recipient id and link position. `counts`: what to add to the counters.
    """

    standings: dict[int, Standing]
    links: dict[LinkKey, LinkStanding]
    counts: dict[CounterKey, Count] = field(default_factory=dict)

    def add(self, hit: Hit, variant_id: int) -> None:
        standing = self.standings.get(hit.recipient_id)
        if standing is None:
            standing = self.standings[hit.recipient_id] = Standing()
        is_first = standing.reach(FIRST_TIME[hit.kind], hit.at)
        if how_often := HOW_OFTEN.get(hit.kind):
            setattr(standing, how_often, getattr(standing, how_often) + 1)
        hour = hit.at.replace(minute=0, second=0, microsecond=0)
        if hit.kind == CLICKED:
            key = CounterKey(hit.run_id, variant_id, CLICKED, hit.link_position, hour)
            self._count(key, is_first, self._click(hit), url=hit.url)
        else:
            self._count(CounterKey(hit.run_id, variant_id, hit.kind, 0, hour), is_first, is_first)
        if hit.kind in PROVES_READING:
            is_first_reading = standing.reach("read_at", hit.at)
            if is_first_reading or hit.kind == OPENED:
                self._count(CounterKey(hit.run_id, variant_id, READ, 0, hour), is_first_reading, is_first_reading)

    def _click(self, hit: Hit) -> bool:
        key = (hit.recipient_id, hit.link_position)
        known = self.links.get(key)
        if known is None:
            self.links[key] = LinkStanding(hit.at, 1)
            return True
        known.clicks += 1
        known.clicked_at = min(known.clicked_at, hit.at)
        return False

    def _count(self, key: CounterKey, is_first: bool, is_first_on_link: bool, url: str = "") -> None:
        count = self.counts.get(key)
        if count is None:
            count = self.counts[key] = Count(url)
        count.total += 1
        count.unique += is_first
        count.unique_by_link += is_first_on_link

"""Counting hits: what each one changes in its recipient's standing and in the run's counters. Pure: no database.

Rules
- every hit counts once in `total`; the recipient's first of its kind in the run counts in `unique`;
- a click counts at its link; its first on that link counts in `unique_by_link`;
- a recipient has read the mail who opened, clicked or viewed it: the first of these counts one `read` in `total` and
  `unique`, later opens count in `total` alone. So a click without an open implies one open in `read` and none in
  `opened`, which is about the pixel and nothing else;
- all of this is counted once for every hit and once more, in the same way, for those of people (`human`);
- following the hidden link is no click: it counts as `probed`, and says who else is a bot (`stats.classification`);
- opens by privacy proxies count in `privacy_opened`. Who has had such an open counts with all their other opens,
  earlier and later, in `privacy_opened_otherwise` (GreenArrow's sets P and N are made of these two and `opened`);
- a bounce counts by its type; this, its origin and how many subscriptions a hit has ended say its data. What was
  refused when it was handed over (`origin` local) never was sent: it counts in `bounced_local`, not in `bounced`.

Who counts the same hits of one recipient again, in the order in which they were counted first, gets the same numbers:
`stats.reclassify` takes them off by counting them with their old agents, and adds them with the new ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from stats.models import READ, Agent, BounceType, Breakdown, CountedKind, EventKind
from stats.standings import LinkStanding, Standing
from tracking.spool import Hit

OPENED, CLICKED, VIEWED = EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.VIEWED.value
BOUNCED, CONVERTED, PROBED = EventKind.BOUNCED.value, EventKind.CONVERTED.value, EventKind.PROBED.value
PRIVACY_OPENED = CountedKind.PRIVACY_OPENED.value
PRIVACY_OPENED_OTHERWISE = CountedKind.PRIVACY_OPENED_OTHERWISE.value
BOUNCED_LOCAL, BOUNCED_REMOTE = CountedKind.BOUNCED_LOCAL.value, CountedKind.BOUNCED_REMOTE.value
HUMAN, PROXY = Agent.HUMAN.value, Agent.PROXY.value
DOMAIN, CLIENT, DEVICE, BOUNCE = (dimension.value for dimension in Breakdown.Dimension)

FIRST_TIME = {kind.value: f"{kind.value}_at" for kind in EventKind}
HUMAN_FIRST_TIME = {kind: f"human_{kind}_at" for kind in (OPENED, CLICKED, VIEWED)}
HOW_OFTEN = {OPENED: "opens", CLICKED: "clicks", EventKind.FORWARDED.value: "forwards", CONVERTED: "conversions"}
HUMAN_HOW_OFTEN = {OPENED: "human_opens", CLICKED: "human_clicks"}
PROVES_READING = {OPENED, CLICKED, VIEWED}
BY_CLIENT = {OPENED, CLICKED, READ}
BY_TYPE = {
    BounceType.HARD.value: CountedKind.BOUNCED_HARD.value,
    BounceType.SOFT.value: CountedKind.BOUNCED_SOFT.value,
    BounceType.OTHER.value: CountedKind.BOUNCED_OTHER.value,
}
ENDED = {
    BOUNCED: CountedKind.BOUNCE_ENDED.value,
    EventKind.COMPLAINED.value: CountedKind.COMPLAINT_ENDED.value,
    EventKind.UNSUBSCRIBED.value: CountedKind.UNSUBSCRIBE_ENDED.value,
}
# A hit so shortly after a click, and somebody looks whether it was a scanner.
SUSPICIOUS = timedelta(seconds=10)


class Seen(NamedTuple):
    """A hit as it is counted: whose it is, who made it, and with what.

    `hour`: when the hour of the organization's clock began.
    """

    hit: Hit
    variant_id: int
    hour: datetime
    agent: str = HUMAN
    domain: str = ""
    client: str = ""
    device: str = ""


class CounterKey(NamedTuple):
    run_id: int
    variant_id: int
    kind: str
    link_position: int
    hour: datetime


class BreakdownKey(NamedTuple):
    run_id: int
    variant_id: int
    dimension: str
    value: str
    kind: str


@dataclass(slots=True)
class Count:
    """What to add; the columns of `stats.models.Counter` that are counts."""

    url: str = ""
    total: int = 0
    unique: int = 0
    unique_by_link: int = 0
    human_total: int = 0
    human_unique: int = 0
    human_unique_by_link: int = 0
    revenue_cents: int = 0

    def add(self, other: "Count") -> None:
        self.total += other.total
        self.unique += other.unique
        self.unique_by_link += other.unique_by_link
        self.human_total += other.human_total
        self.human_unique += other.human_unique
        self.human_unique_by_link += other.human_unique_by_link
        self.revenue_cents += other.revenue_cents


COUNTS = ("total", "unique", "unique_by_link", "human_total", "human_unique", "human_unique_by_link", "revenue_cents")
BREAKDOWN_COUNTS = ("total", "unique", "human_total", "human_unique")
LinkKey = tuple[int, int]
# Run, variant, kind, link, hour, domain, client, device.
Cell = tuple[int, int, str, int, datetime, str, str, str]


class Once(NamedTuple):
    """How a hit counts: whether it is the recipient's first of its kind, and the first on its link."""

    is_first: bool
    is_first_on_link: bool


FIRST, AGAIN, FIRST_ON_LINK = Once(True, True), Once(False, False), Once(False, True)


def _if(is_first: bool) -> Once:
    return FIRST if is_first else AGAIN


@dataclass(slots=True)
class Tally:
    """Starts from what is known of the recipients; after `add` for each hit and `spread`, holds what is to be stored.

    `standings`: by recipient id. `links`: by recipient id and link position. `counts` and `breakdowns`: what to add.
    `suspects`: recipients whose hits together may show that a program made them.
    """

    standings: dict[int, Standing]
    links: dict[LinkKey, LinkStanding]
    counts: dict[CounterKey, Count] = field(default_factory=dict)
    breakdowns: dict[BreakdownKey, Count] = field(default_factory=dict)
    suspects: set[int] = field(default_factory=set)
    # What hits of one kind, place, hour and program count: added to a counter and its breakdowns once for all hits like
    # it, since making four keys for each hit cost more than counting it.
    cells: dict[Cell, Count] = field(default_factory=dict, repr=False)

    def add(self, seen: Seen) -> None:
        hit = seen.hit
        standing = self.standings.get(hit.recipient_id)
        if standing is None:
            standing = self.standings[hit.recipient_id] = Standing()
        if hit.kind == BOUNCED and hit.data.get("origin") == "local":
            self._refuse(seen, standing)
            return
        if how_often := HOW_OFTEN.get(hit.kind):
            standing.count(how_often)
        self._suspect(hit, standing)
        once = self._once(hit, standing)
        self._count(seen, hit.kind, once, self._once_by_people(seen, standing, once))
        if hit.kind in PROVES_READING:
            self._read(seen, standing)
        if derive := DERIVED.get(hit.kind):
            derive(self, seen, standing, once)
        elif hit.kind in ENDED:
            self._end(seen)

    def _suspect(self, hit: Hit, standing: Standing) -> None:
        """Whose hits come close after a click, or out of order, or who follows the hidden link, is looked at again as a
        whole: a burst may be among them."""
        if standing.probed_at or hit.kind == PROBED:
            self.suspects.add(hit.recipient_id)
        if hit.kind in PROVES_READING:
            last = standing.last_clicked_at
            if last is not None and hit.at - last < SUSPICIOUS:
                self.suspects.add(hit.recipient_id)
            if hit.kind == CLICKED:
                standing.click(hit.at)

    # --- first of a kind ---------------------------------------------------------------------------------------------

    def _once(self, hit: Hit, standing: Standing) -> Once:
        is_first = standing.reach(FIRST_TIME[hit.kind], hit.at)
        if hit.kind != CLICKED:
            return _if(is_first)
        link = self.links.get((hit.recipient_id, hit.link_position))
        if link is None:
            self.links[hit.recipient_id, hit.link_position] = LinkStanding(hit.at, 1)
            return FIRST if is_first else FIRST_ON_LINK
        link.clicks += 1
        link.is_touched = True
        link.clicked_at = min(link.clicked_at, hit.at)
        return Once(is_first, False)

    def _once_by_people(self, seen: Seen, standing: Standing, once: Once) -> Once | None:
        """None where no person made the hit. What programs never do is counted of people as it is counted at all."""
        hit = seen.hit
        if seen.agent != HUMAN:
            return None
        column = HUMAN_FIRST_TIME.get(hit.kind)
        if column is None:
            return once
        if how_often := HUMAN_HOW_OFTEN.get(hit.kind):
            standing.count(how_often)
        is_first = standing.reach(column, hit.at)
        return Once(is_first, self._first_by_people_on_link(hit)) if hit.kind == CLICKED else _if(is_first)

    def _first_by_people_on_link(self, hit: Hit) -> bool:
        link = self.links[hit.recipient_id, hit.link_position]
        link.human_clicks += 1
        is_first = link.human_clicked_at is None
        if link.human_clicked_at is None or hit.at < link.human_clicked_at:
            link.human_clicked_at = hit.at
        return is_first

    # --- what follows from a hit -------------------------------------------------------------------------------------

    def _read(self, seen: Seen, standing: Standing) -> None:
        hit = seen.hit
        first = standing.reach("read_at", hit.at)
        once = _if(first) if first or hit.kind == OPENED else None
        by_people = None
        if seen.agent == HUMAN:
            first = standing.reach("human_read_at", hit.at)
            by_people = _if(first) if first or hit.kind == OPENED else None
        if once or by_people:
            self._count(seen, READ, once, by_people)

    def _open(self, seen: Seen, standing: Standing, _once: Once) -> None:
        """Privacy proxies. `opens` holds this one already, `privacy_opens` does not."""
        others = standing.opens - standing.privacy_opens
        if seen.agent == PROXY:
            first = standing.reach("privacy_opened_at", seen.hit.at)
            standing.count("privacy_opens")
            self._count(seen, PRIVACY_OPENED, _if(first), None)
            if first and others > 1:
                self._several(seen, PRIVACY_OPENED_OTHERWISE, others - 1)
        elif standing.privacy_opens:
            self._count(seen, PRIVACY_OPENED_OTHERWISE, _if(others == 1), None)

    def _bounce(self, seen: Seen, standing: Standing, once: Once) -> None:
        data = seen.hit.data
        standing.bounce(bounce_type(data))
        self._count(seen, BY_TYPE[bounce_type(data)], once, once)
        self._count(seen, BOUNCED_REMOTE, once, once)
        self._break_down(seen, BOUNCE, bounce_code(data), BOUNCED, once, once)
        self._end(seen)

    def _refuse(self, seen: Seen, standing: Standing) -> None:
        """Refused when it was handed over. Who is tried again and refused again is one person."""
        data = seen.hit.data
        once = AGAIN if standing.bounce_type else FIRST
        standing.bounce(bounce_type(data))
        self._count(seen, BOUNCED_LOCAL, once, once)
        self._break_down(seen, BOUNCE, bounce_code(data), BOUNCED_LOCAL, once, once)
        self._end(seen)

    def _end(self, seen: Seen) -> None:
        if number := seen.hit.data.get("ended", 0):
            self._several(seen, ENDED[seen.hit.kind], number)

    def _convert(self, seen: Seen, standing: Standing, _once: Once) -> None:
        cents = seen.hit.data.get("cents", 0)
        standing.count("revenue_cents", cents)
        self._cell(seen, CONVERTED).revenue_cents += cents

    # --- adding ------------------------------------------------------------------------------------------------------

    def _count(self, seen: Seen, kind: str, once: Once | None, by_people: Once | None) -> None:
        _add(self._cell(seen, kind), once, by_people)

    def _cell(self, seen: Seen, kind: str) -> Count:
        hit = seen.hit
        position = hit.link_position if kind == CLICKED else 0
        cell = (hit.run_id, seen.variant_id, kind, position, seen.hour, seen.domain, seen.client, seen.device)
        count = self.cells.get(cell)
        if count is None:
            count = self.cells[cell] = Count(hit.url if kind == CLICKED else "")
        return count

    def spread(self) -> None:
        """Add what was counted by cells to `counts` and `breakdowns`."""
        for (run_id, variant_id, kind, position, hour, domain, client, device), count in self.cells.items():
            self._counter(CounterKey(run_id, variant_id, kind, position, hour), count.url).add(count)
            self._breakdown(BreakdownKey(run_id, variant_id, DOMAIN, domain, kind)).add(count)
            if kind in BY_CLIENT:
                self._breakdown(BreakdownKey(run_id, variant_id, CLIENT, client, kind)).add(count)
                self._breakdown(BreakdownKey(run_id, variant_id, DEVICE, device, kind)).add(count)
        self.cells.clear()

    def _counter(self, key: CounterKey, url: str) -> Count:
        count = self.counts.get(key)
        if count is None:
            count = self.counts[key] = Count(url)
        return count

    def _breakdown(self, key: BreakdownKey) -> Count:
        count = self.breakdowns.get(key)
        if count is None:
            count = self.breakdowns[key] = Count()
        return count

    def _break_down(
        self, seen: Seen, dimension: str, value: str, kind: str, once: Once | None, by_people: Once | None
    ) -> None:
        _add(self._breakdown(BreakdownKey(seen.hit.run_id, seen.variant_id, dimension, value, kind)), once, by_people)

    def _several(self, seen: Seen, kind: str, number: int) -> None:
        """So many times at once, of one recipient."""
        self._count(seen, kind, FIRST, None)
        for _ in range(number - 1):
            self._count(seen, kind, AGAIN, None)


def _add(count: Count, once: Once | None, by_people: Once | None) -> None:
    if once:
        is_first, is_first_on_link = once
        count.total += 1
        if is_first:
            count.unique += 1
        if is_first_on_link:
            count.unique_by_link += 1
    if by_people:
        is_first, is_first_on_link = by_people
        count.human_total += 1
        if is_first:
            count.human_unique += 1
        if is_first_on_link:
            count.human_unique_by_link += 1


def bounce_type(data: dict[str, Any]) -> str:
    """Hard, soft or other; what a bounce does not say is other."""
    named = data.get("type")
    return named if named in BY_TYPE else BounceType.OTHER.value


def bounce_code(data: dict[str, Any]) -> str:
    return str(data.get("code", ""))[:64]


DERIVED: dict[str, Callable[[Tally, Seen, Standing, Once], None]] = {
    OPENED: Tally._open,
    BOUNCED: Tally._bounce,
    CONVERTED: Tally._convert,
}

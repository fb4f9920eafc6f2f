"""Campaigns with as many events as asked, the same ones whenever and wherever they are made: 70 % opens, 30 % clicks on
12 links by anybody at any moment of two weeks.

They are counted while they are made, by the rules of `stats.tally` as far as these hits go, and far faster than it:
whoever opens or clicks for the first time is known from an array of bytes.
"""

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection

from campaigns.models import CampaignRun
from stats import bulk, classification, months, outcomes
from stats.counting import EVENT
from stats.models import READ, Breakdown, Counter, Engagement, Event
from tests.stats.populations import BROWSER, a_run

BEGAN = datetime(2026, 12, 20, tzinfo=UTC)
HOURS, LINKS, BLOCK = 14 * 24, 12, 20_000
KINDS = ("opened", "clicked")
COUNTS = ("total", "unique", "unique_by_link", "human_total", "human_unique", "human_unique_by_link")
LOOKED_AT_WITH = {"client": "Firefox", "device": "desktop"}


def make(people: int, campaigns: dict[str, int]) -> None:
    """A campaign for each name, with so many events."""
    months.prepare(BEGAN)
    made = {name: a_run(people=people, name=name) for name in campaigns}
    definitions = drop_indexes()
    for name, number in campaigns.items():
        began = time.perf_counter()
        store(made[name], number)
        print(f"  {name}: {number:,} events in {time.perf_counter() - began:.0f} s", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for definition in definitions:
            cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE")
    for run in made.values():
        outcomes.refresh(run.pk)


def drop_indexes() -> list[str]:
    """The definitions of those that are no key, on the table that the months make up."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = 'stats_event'::regclass AND NOT indisunique"
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    return [definition.replace(" ON ONLY ", " ON ") for _, definition in found]


class Made:
    """The events of one run, in the order of their times, and what is counted of them."""

    def __init__(self, run: CampaignRun, number: int) -> None:
        self.run, self.number = run, number
        self.recipients = list(run.recipients.order_by("pk").values_list("pk", "subscriber_id"))
        self.reached = {name: bytearray(len(self.recipients)) for name in (READ, *KINDS)}
        self.links = [bytearray(len(self.recipients)) for _ in range(LINKS + 1)]
        self.times = {kind: [0] * len(self.recipients) for kind in KINDS}
        self.counts: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])

    def blocks(self) -> Iterator[str]:
        """COPY's text."""
        dice, people = random.Random(20261121), len(self.recipients)
        step = timedelta(hours=HOURS) / self.number
        for first in range(0, self.number, BLOCK):
            size = min(BLOCK, self.number - first)
            whose, links = dice.choices(range(people), k=size), dice.choices(range(1, 41), k=size)
            yield "".join(
                self._line(place, links[n] if links[n] <= LINKS else 0, BEGAN + step * (first + n))
                for n, place in enumerate(whose)
            )

    def _line(self, place: int, link: int, at: datetime) -> str:
        recipient, subscriber = self.recipients[place]
        kind, hour = ("clicked" if link else "opened"), (at - BEGAN) // timedelta(hours=1)
        self._count(kind, place, link, hour)
        url = f"https://example.com/story/{link}" if link else ""
        address = f"198.51.{place & 255}.{place >> 8 & 255}"
        return (
            f"{recipient}\t{self.run.pk}\t{subscriber}\t{kind}\t{at.isoformat()}\t{link}\t{url}\t{address}\t{BROWSER}"
            f"\t{{}}\thuman\t\t{classification.VERSION}\n"
        )

    def _count(self, kind: str, place: int, link: int, hour: int) -> None:
        count, first = self.counts[kind, link, hour], not self.reached[kind][place]
        count[0] += 1
        count[1] += first
        count[2] += not self.links[link][place]
        self.links[link][place] = self.reached[kind][place] = 1
        self.times[kind][place] += 1
        first = not self.reached[READ][place]
        if first or not link:
            count = self.counts[READ, 0, hour]
            count[0] += 1
            count[1] += first
            count[2] += first
            self.reached[READ][place] = 1


def store(run: CampaignRun, number: int) -> None:
    made = Made(run, number)
    names = ", ".join(EVENT)
    with connection.cursor() as cursor, cursor.copy(f"COPY {Event._meta.db_table} ({names}) FROM STDIN") as copy:
        for block in made.blocks():
            copy.write(block)
    variant = run.campaign.variants.get().pk
    store_counters(made, variant)
    store_breakdowns(made, variant)
    store_engagements(made)


def store_counters(made: Made, variant: int) -> None:
    rows = [
        (made.run.pk, variant, kind, link, f"https://example.com/story/{link}" if link else "",
         BEGAN + timedelta(hours=hour), *count, *count, 0)
        for (kind, link, hour), count in made.counts.items()
    ]  # fmt: skip
    bulk.insert(
        Counter, ("run_id", "variant_id", "kind", "link_position", "url", "hour", *COUNTS, "revenue_cents"), rows
    )


def store_breakdowns(made: Made, variant: int) -> None:
    domain = made.run.recipients.order_by("pk")[0].address.rpartition("@")[2]
    by_kind: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (kind, _, _), count in made.counts.items():
        by_kind[kind][0] += count[0]
        by_kind[kind][1] += count[1]
    rows = [
        (made.run.pk, variant, dimension, value, kind, *count, *count)
        for dimension, value in {"domain": domain, **LOOKED_AT_WITH}.items()
        for kind, count in by_kind.items()
    ]
    columns = ("run_id", "variant_id", "dimension", "value", "kind", "total", "unique", "human_total", "human_unique")
    bulk.insert(Breakdown, columns, rows)


def store_engagements(made: Made) -> None:
    rows = [
        (recipient, made.run.pk, subscriber, BEGAN, *times, *times, 0, 0, 0, 0, "")
        for (recipient, subscriber), *times in zip(made.recipients, *made.times.values(), strict=True)
        if any(times)
    ]
    people = ("opens", "clicks", "human_opens", "human_clicks")
    others = ("privacy_opens", "forwards", "conversions", "revenue_cents", "bounce_type")
    bulk.insert(Engagement, ("recipient_id", "run_id", "subscriber_id", "read_at", *people, *others), rows)

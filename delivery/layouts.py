"""How the people of a run are cut into batches, and the SQL that says so for each of them.

`dealt` is a person in the statement of the freeze: `turn` shuffles those who get a message, `place` numbers them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import ceil
from typing import Any

from django.conf import settings

from campaigns.models import CampaignRun
from delivery.models import Batch

ALL = 10_000  # hundredths of a per cent


@dataclass(frozen=True, kw_only=True)
class Group:
    """At most so many `people`, and what their batches have in common; with a `zone` they go by its clock.

    `spellings`: how they may have written their zones, '' among them for those who have none or whose is not known.
    """

    people: int
    zone: str = ""
    spellings: tuple[str, ...] = ("",)
    release_at: datetime | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None

    def batch(self, run: CampaignRun, number: int, *, held: bool) -> Batch:
        times: dict[str, Any] = {name: getattr(self, name) for name in ("release_at", "not_before", "expires_at")}
        return Batch(run=run, number=number, held=held, zone=self.zone, **times)


@dataclass(frozen=True)
class Layout:
    """How people are cut into batches: the sample's batches first, then `held` ones, numbered from `first_held` on.

    `share`: of those who get a message, in hundredths of a per cent, who is of the sample; None where there is none.
    """

    group: Group
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

    def rows(self, run: CampaignRun) -> Iterator[Batch]:
        """The batches, most of them perhaps for nobody."""
        for number in range(1, self.batches + 1):
            yield self.group.batch(run, number, held=self.share is not None and number >= self.first_held)


def plain(group: Group, share: int | None, least: int) -> Layout:
    """Everybody one after the other."""
    size = settings.BATCH_SIZE
    if share is None:
        return Layout(group, max(1, ceil(group.people / size)))
    # with room for people who appear meanwhile, of whom some are of the sample
    for_sample = ceil(max(least, group.people * share // ALL) / size) + 1
    return Layout(group, for_sample + max(1, ceil(group.people / size)), share, for_sample + 1, least)


@dataclass(frozen=True)
class Shelf:
    """The batches of one group: so many, from this number on."""

    group: Group
    number: int
    batches: int


@dataclass(frozen=True)
class ByZone:
    """Batches of their own for each group, so that each can wait for its hour; who waits for a split test as well is in
    further ones, `held` numbers after. What `Layout` says of shares holds here."""

    shelves: tuple[Shelf, ...]
    held: int
    share: int | None = None
    least: int = 0

    @property
    def batches(self) -> int:
        return self.held * (1 if self.share is None else 2)

    @property
    def sample(self) -> str:
        return Layout(self.shelves[0].group, 0, self.share, 0, self.least).sample

    @property
    def waits(self) -> str:
        """SQL: whether a person waits for a split test."""
        return "1 = 0" if self.share is None else f"dealt.turn > ({self.sample})"

    @property
    def batch(self) -> str:
        """SQL for the number of a person's batch; who comes after the count goes into the last of their group."""
        size = settings.BATCH_SIZE
        nth = f"(dealt.place - 1) / {size}"
        of_group = f"dealt.number + CASE WHEN {nth} < dealt.batches THEN {nth} ELSE dealt.batches - 1 END"
        return f"{of_group} + CASE WHEN {self.waits} THEN {self.held} ELSE 0 END"

    @property
    def zones(self) -> list[dict[str, Any]]:
        """The numbers of each zone's batches, by its spelling."""
        return [
            {"name": spelling, "number": shelf.number, "batches": shelf.batches}
            for shelf in self.shelves
            for spelling in shelf.group.spellings
        ]

    @property
    def of_the_others(self) -> Shelf:
        """Of people whose zone is not known, or was written down only now."""
        return next(shelf for shelf in self.shelves if "" in shelf.group.spellings)

    def rows(self, run: CampaignRun) -> Iterator[Batch]:
        for held in (False, True)[: 1 if self.share is None else 2]:
            for shelf in self.shelves:
                for number in range(shelf.number, shelf.number + shelf.batches):
                    yield shelf.group.batch(run, number + held * self.held, held=held)


def by_zone(groups: Sequence[Group], share: int | None, least: int) -> ByZone:
    counts = [max(1, ceil(group.people / settings.BATCH_SIZE)) for group in groups]
    numbers = accumulate(counts, initial=1)
    shelves = tuple(Shelf(*each) for each in zip(groups, numbers, counts, strict=False))
    return ByZone(shelves, sum(counts), share, least)

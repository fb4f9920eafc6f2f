"""How long the twelve segments take to count, and by which plan."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import time_machine
from django.db import connection
from rules import segments as described
from world import NOW, World

from audience import segments
from audience.models import Segment

PLANS = Path(__file__).parent / "plans"
HOW = "ANALYZE, BUFFERS, SETTINGS, TIMING OFF, SUMMARY OFF"


@dataclass(frozen=True)
class Timed:
    name: str
    seconds: float
    people: int


def measure(world: World, *, runs: int, save_plans: bool) -> list[Timed]:
    """The median of `runs` counts each, after one that warms the cache."""
    timed = []
    for number, (name, (lists, rules)) in enumerate(described(world).items(), start=1):
        segment = _made(world, name, lists, rules)
        with time_machine.travel(NOW, tick=False):
            people = segments.people(segment)
        taken = []
        for _ in range(runs + 1):
            began = time.perf_counter()
            count = people.all().count()
            taken.append(time.perf_counter() - began)
        timed.append(Timed(name, statistics.median(taken[1:] or taken), count))
        print(f"  {number:2} {name:34} {timed[-1].seconds:8.2f} s {count:>10,} people", flush=True)
        if save_plans:
            _save(f"{number:02}-{name}", segment, people)
        segment.delete()
    return timed


def _made(world: World, name: str, lists: list[int], rules: dict[str, object]) -> Segment:
    segment = Segment.objects.create(organization=world.organization, name=name, rules=rules)
    segment.mailing_lists.set([world.lists[place] for place in lists])
    return segment


def _save(name: str, segment: Segment, people: object) -> None:
    """The sentence, the statement and its plan; without times, so that it only changes when the way does."""
    counted = people.order_by().values("pk")
    sql, parameters = counted.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({HOW}) SELECT COUNT(*) FROM ({sql}) AS people", parameters)  # noqa: S608
        plan = "\n".join(line for (line,) in cursor.fetchall())
        written = cursor.mogrify(sql, parameters) if hasattr(cursor, "mogrify") else sql
    PLANS.mkdir(exist_ok=True)
    with time_machine.travel(NOW, tick=False):
        said = segments.sentence(segment)
    (PLANS / f"{name}.txt").write_text(f"{said}\n\n{written}\n\n{plan}\n", encoding="utf-8")

"""How large an audience may be: imports, freezes and counts over a million people and ten million events.

    make bench-audience
    DATABASE_URL=postgres://... python benchmarks/audience [--people 1000000] [--events 10000000] [--plans]

Makes a database of its own on that server and drops it again (with --keep it stays, and is used again by the next
call). The account has to be allowed to make databases and to switch triggers off.

- import: a CSV file with as many new people and five fields, through `audience.imports`, against COPY of the same file
  into a plain table; beside it, COPY of all rows the import has written into tables with the same indexes, and into
  tables that have the foreign keys too; by the clock and by the processor;
- freeze: these people, through `delivery.freeze`, against INSERT ... SELECT of the same rows into the same table;
- counts: twelve segments, each by its statement alone; with --plans their plans are written to `plans/`.

The last line is JSON: `import_ratio`, `freeze_ratio` (seconds over those of the bare statement), `slowest_count_s`
(median) and `rss_mb`, the most memory this process had.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="benchmark-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")

import database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3, help="Counted runs of each count.")
    parser.add_argument("--rounds", type=int, default=3, help="Rounds of the freeze.")
    parser.add_argument("--database", default="bench_audience")
    parser.add_argument("--keep", action="store_true", help="Leave the database for the next call.")
    parser.add_argument("--plans", action="store_true", help="Write the plans of the counts.")
    parser.add_argument("--only", choices=["counts", "writes"], help="Half of it.")
    options = parser.parse_args()
    with database.own(options.database, keep=options.keep) as is_new:
        print(json.dumps(measure(options, is_new=is_new)))


def measure(options: argparse.Namespace, *, is_new: bool) -> dict[str, object]:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    try:
        with connection.cursor() as cursor:
            settings = database.settings_of(cursor)
        print("PostgreSQL", ", ".join(f"{name} {value}" for name, value in settings.items()), flush=True)
        return _figures(options, is_new) | {"postgresql": settings}
    finally:
        connection.close()


def _figures(options: argparse.Namespace, is_new: bool) -> dict[str, object]:
    import counts
    import world as worlds
    import writes

    began = time.perf_counter()
    size = worlds.Size(options.people, options.events, options.campaigns)
    world = worlds.make(size) if is_new else worlds.found()
    print(f"{size.people:,} people, {size.events:,} events: made in {time.perf_counter() - began:.0f} s", flush=True)
    figures: dict[str, object] = {"people": size.people, "events": size.events}
    if options.only != "writes":
        timed = counts.measure(world, runs=options.runs, save_plans=options.plans)
        figures["counts_s"] = {each.name: round(each.seconds, 2) for each in timed}
        figures["slowest_count_s"] = max(round(each.seconds, 2) for each in timed)
    if options.only != "counts":
        imported = writes.compare_import(world, size.people)
        _tell("import", imported.ours.clock, imported.bare.clock, imported.figures()["import_ratio"])
        frozen = writes.compare_freeze(world, rounds=options.rounds)
        _tell("freeze", frozen.ours, frozen.bare, frozen.ratio)
        figures |= imported.figures()
        figures |= {"freeze_ratio": frozen.ratio, "freeze_s": round(frozen.ours, 2), "insert_s": round(frozen.bare, 2)}
    return figures | {"rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


def _tell(name: str, ours: float, bare: float, ratio: float) -> None:
    print(f"  {name:37} {ours:8.2f} s, bare {bare:.2f} s, ratio {ratio}", flush=True)


if __name__ == "__main__":
    main()

"""What comes back, ten million times: hits a second, ingest a second, and what a report costs.

    make bench-tracking
    DATABASE_URL=postgres://... python benchmarks/tracking [--events 10000000] [--only report|pixel|ingest]

Makes a database of its own on that server and drops it again (with --keep it stays, and is used again by the next
call). Needs `wrk`.

- report: everything a report page shows (`stats.reports.report`), of a campaign with 10,000 events and of one with
  10,000,000, which have as many people and went on as long; in turn, and the median of each. Events are loaded by COPY
  from a seeded generator, into partitions by month, and counted on the way as `stats.tally` counts them;
- pixel: `benchmarks/pixel.py`, open hits a second against a bare handler of the same server that answers 43 bytes;
- ingest: `benchmarks/ingest.py`, from the spool into the database, with verdicts, breakdowns and people's counters.

Prints a table, and JSON last: `hit_ratio` (bar: 0.5 at least), `ingest_per_s` (20,000 at least), `report_ratio`
(1.2 at most).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="benchmark-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")

from benchmarks.audience import database

PARTS = ("pixel", "ingest", "report")
BARS = {"hit_ratio": ">= 0.5", "ingest_per_s": ">= 20000", "report_ratio": "<= 1.2"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--few", type=int, default=10_000, help="Events of the campaign to compare with.")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30, help="Reports of each campaign.")
    parser.add_argument("--hits", type=int, default=400_000, help="Hits that are ingested.")
    parser.add_argument("--seconds", type=int, default=6, help="Of load on each server.")
    parser.add_argument("--database", default="bench_tracking")
    parser.add_argument("--keep", action="store_true", help="Leave the database for the next call.")
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    figures = measure(options)
    tell(figures)
    print(json.dumps(figures))


def measure(options: argparse.Namespace) -> dict[str, object]:
    parts = options.only or PARTS
    figures: dict[str, object] = {"processors": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
    if "pixel" in parts:
        found = run("pixel.py", "--seconds", str(options.seconds))
        figures |= {"hit_ratio": found["ratio"], "hits_per_s": found["opens_per_second"]}
        figures["bare_hits_per_s"] = found["bare_per_second"]
    if "ingest" in parts:
        found = run("ingest.py", "--hits", str(options.hits), "--recipients", str(options.people))
        figures |= {"ingest_per_s": found["hits_per_second"]}
        figures["ingest_processor_us"] = round(found["processor_seconds"] / found["hits"] * 1e6, 1)
        figures["ingest_database_us"] = round(found["database_processor_seconds"] / found["hits"] * 1e6, 1)
    if "report" in parts:
        with database.own(options.database, keep=options.keep) as is_new:
            figures |= reports(options, is_new=is_new)
    return figures


def run(script: str, *arguments: str) -> dict[str, float]:
    """What another benchmark says, in a process and a folder of its own."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in ("VAR_DIR", "LOG_LEVEL")}
    environment.setdefault("DATABASE_URL", database.DEFAULT_SERVER)
    if script == "pixel.py":  # the web application as it is, not as tests have it
        environment.pop("DJANGO_SETTINGS_MODULE")
    print(f"{script} {' '.join(arguments)}", flush=True)
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def reports(options: argparse.Namespace, *, is_new: bool) -> dict[str, object]:
    import django

    django.setup()
    import latency
    import world
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    try:
        if is_new:
            print(f"{options.few + options.events:,} events", flush=True)
            world.make(options.people, {"few": options.few, "many": options.events})
        return latency.measure(options.rounds)
    finally:
        connection.close()


def tell(figures: dict[str, object]) -> None:
    print(f"\n{'':24}{'measured':>12}  bar")
    for name, value in figures.items():
        print(f"{name:24}{value!s:>12}  {BARS.get(name, '')}")


if __name__ == "__main__":
    main()

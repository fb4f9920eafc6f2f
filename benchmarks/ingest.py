"""How many hits a second go from the spool into the database; the bar is 20,000 on PostgreSQL.

    DATABASE_URL=postgres://... python benchmarks/ingest.py [--recipients 100000] [--hits 400000]

Makes a test database, a run with recipients, and a spool as web processes write it: 70 % opens, 28 % clicks over 12
links, 2 % unsubscribes, over 30 hours and all recipients, in the order of their times, with six user agents; and for
each 500th a scanner that follows all links within a second, whose recipient is judged again. Then times
`stats.ingest.ingest` until the spool is empty. The last line is JSON; `ratio` is hits per second over the bar. On a
machine with other work to do, processor seconds (of this process and of the database's) say more than the clock.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="benchmark-")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")

import django

django.setup()

from django.db import connection
from django.test.runner import DiscoverRunner

from stats.ingest import ingest
from stats.models import Event
from tests.stats.populations import a_run
from tracking import spool
from tracking.spool import Hit

BAR = 20_000
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
# What hits come with, and how often of a hundred; the last are a privacy proxy and a bot.
AGENTS = {
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE}": 25,
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {APPLE} Mobile/15E148": 25,
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)": 20,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0": 10,
    "Mozilla/5.0": 17,
    "python-requests/2.32": 3,
}
LINKS, BURST_EVERY = 12, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--hits", type=int, default=400_000)
    asked = parser.parse_args()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        print(json.dumps(measure(asked.recipients, asked.hits)))
    finally:
        runner.teardown_databases(databases)


def measure(people: int, hits: int) -> dict[str, object]:
    fill_spool(a_run(people=people), hits)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    started, busy, served = time.perf_counter(), time.process_time(), database_seconds()
    stored = ingest()
    seconds, busy, served = time.perf_counter() - started, time.process_time() - busy, database_seconds() - served
    assert stored == hits == Event.objects.count()
    rate = round(hits / seconds)
    return {"database": connection.vendor, "hits": hits, "seconds": round(seconds, 2), "hits_per_second": rate,
            "processor_seconds": round(busy, 2), "database_processor_seconds": round(served, 2),
            "bar": BAR, "ratio": round(rate / BAR, 2)}  # fmt: skip


def database_seconds() -> float:
    """Processor time of the database's process that serves us; 0 where it is not on this machine, or we are it."""
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        process = cursor.fetchone()[0]
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # proc(5): utime, stime


def fill_spool(run: object, hits: int) -> None:
    recipients, dice = list(run.recipients.values_list("pk", "subscriber_id")), random.Random(1)
    began, made = datetime(2026, 11, 21, tzinfo=UTC), 0
    while made < hits:
        recipient, at = dice.choice(recipients), began + timedelta(hours=30) * made / hits
        if dice.randrange(BURST_EVERY):
            kind = dice.choices(["opened", "clicked", "unsubscribed"], [70, 28, 2])[0]
            deeds = [(kind, dice.randint(1, LINKS) if kind == "clicked" else 0)]
        else:  # a scanner follows every link at once
            deeds = [("clicked", position) for position in range(1, LINKS + 1)][: hits - made]
        agent, address = dice.choices([*AGENTS], [*AGENTS.values()])[0], f"198.51.{dice.randrange(256)}"
        for place, (kind, position) in enumerate(deeds):
            spool.append(
                Hit(
                    kind, run.pk, *recipient, at + timedelta(milliseconds=50) * place,
                    link_position=position,
                    url=f"https://example.com/story/{position}" if position else "",
                    ip_address=f"{address}.{dice.randrange(256)}",
                    user_agent=agent,
                )
            )  # fmt: skip
        made += len(deeds)


if __name__ == "__main__":
    main()

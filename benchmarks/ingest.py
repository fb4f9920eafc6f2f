"""How many hits a second go from the spool into the database; the bar is 20,000 on PostgreSQL.

    DATABASE_URL=postgres://... python benchmarks/ingest.py [--recipients 100000] [--hits 400000]

Makes a test database, a run with recipients, and a spool as web processes write it: 70 % opens, 28 % clicks over 12
links, 2 % unsubscribes, over 30 hours and all recipients, in the order of their times. Then times
`stats.ingest.ingest` until the spool is empty. The last line is JSON; `ratio` is hits per second over the bar.
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
AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"


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
    started, busy = time.perf_counter(), time.process_time()
    stored = ingest()
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    assert stored == hits == Event.objects.count()
    rate = round(hits / seconds)
    return {"database": connection.vendor, "hits": hits, "seconds": round(seconds, 2), "hits_per_second": rate,
            "processor_seconds": round(busy, 2), "bar": BAR, "ratio": round(rate / BAR, 2)}  # fmt: skip


def fill_spool(run: object, hits: int) -> None:
    recipients = list(run.recipients.values_list("pk", "subscriber_id"))
    dice, began = random.Random(1), datetime(2026, 11, 21, tzinfo=UTC)
    for number in range(hits):
        recipient, subscriber = dice.choice(recipients)
        kind = dice.choices(["opened", "clicked", "unsubscribed"], [70, 28, 2])[0]
        position = dice.randint(1, 12) if kind == "clicked" else 0
        spool.append(
            Hit(
                kind,
                run.pk,
                recipient,
                subscriber,
                began + timedelta(hours=30) * number / hits,
                link_position=position,
                url=f"https://example.com/story/{position}" if position else "",
                ip_address=f"198.51.{dice.randrange(256)}.{dice.randrange(256)}",
                user_agent=AGENT,
            )
        )


if __name__ == "__main__":
    main()

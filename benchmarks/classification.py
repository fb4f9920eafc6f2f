"""How many hits are judged in a second of the processor; the bar is what ingest has to take.

    python benchmarks/classification.py [--hits 200000]

Half of the hits come from addresses that were not seen before, all from 300 user agents; every recipient with three
clicks is judged once more as a whole. No database. The last line is JSON.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

BAR = 20_000
START = datetime(2026, 11, 21, 9, tzinfo=UTC)
SYSTEMS = ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hits", type=int, default=200_000)
    number = parser.parse_args().hits
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VAR_DIR"] = folder
        django.setup()
        measured = measure(number)
    for name, per_second in measured.items():
        print(f"{per_second:>12,.0f} {name} a second")
    slowest = min(measured.values())
    print(json.dumps({**{name: round(value) for name, value in measured.items()}, "ratio": round(slowest / BAR, 1)}))


def measure(number: int) -> dict[str, float]:
    from stats.classification import of_history, of_hit
    from tracking.spool import Hit

    chance = random.Random(1)
    agents = [
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        for system in SYSTEMS
        for version in range(50, 150)
    ]
    seen = [address(chance) for _ in range(1000)]
    hits = [
        Hit(
            *(chance.choice(("opened", "opened", "clicked")), 1, place // 3, place // 3),
            START + timedelta(seconds=place),
            chance.randint(1, 5),
            "https://example.com/",
            address(chance) if place % 2 else chance.choice(seen),
            chance.choice(agents),
        )
        for place in range(number)
    ]
    of_hit(hits[0], START)  # reads ua-parser's list and the networks
    once = seconds(lambda: [of_hit(hit, START) for hit in hits])
    together = seconds(lambda: [of_history(hits[at : at + 3], START) for at in range(0, number, 3)])
    return {"hits": number / once, "hits_of_histories": number / together}


def address(chance: random.Random) -> str:
    return ".".join(str(chance.randint(1, 223)) for _ in range(4))


def seconds(act: Callable[[], object]) -> float:
    """Of the processor: what else the machine does is not measured."""
    start = time.process_time()
    act()
    return time.process_time() - start


if __name__ == "__main__":
    main()

"""How many messages a second a campaign sends, every outcome stored, against Postfix's own load generator.

    python benchmarks/send.py [--recipients 100000] [--workers 2] [--postfix /usr/sbin]

Freezes an audience and sends it with that many worker processes into `smtp-sink`, then has `smtp-source -d` send as
many messages of the same size into the same sink. The mail has about 6.5 KB in two parts, merge fields, ten tracked
links and four further headers. The database is a test database beside the one DATABASE_URL names, and is removed again.
Without Postfix's tools a sink in Python takes the messages, and there is nothing to compare with.

The last line is JSON; `ratio` is our messages a second over those of smtp-source, or null.
"""

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="benchmark-"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.test_settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")

STORIES = "".join(
    f"<p>Story {number}: Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut "
    f"labore et dolore magna aliqua. <a href='https://example.com/story/{number}'>Read on</a></p>"
    for number in range(9)
)
PAGE = (
    "<h1>Hello {{ first_name|default('reader') }} in {{ city }}</h1>"
    + STORIES
    + "<p><a href='https://example.com/'>Home</a> <a href='{{ unsubscribe_url }}'>Unsubscribe</a></p>"
)
CHUNK = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--postfix", default="/usr/sbin", help="Where smtp-sink and smtp-source are.")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sink", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(sink(options.sink))
    elif options.work:
        work()
    else:
        print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, object]:
    import django

    django.setup()
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        with running_sink(options.postfix) as port:
            froze, size = prepare(options.recipients)
            connection.close()
            ours = options.recipients / sent_by_workers(options.workers, port)
            theirs = sent_by_postfix(options.postfix, options.recipients, size, port)
        return {
            "database": connection.vendor,
            "bytes": size,
            "recipients": options.recipients,
            "workers": options.workers,
            "freeze_seconds": round(froze, 2),
            "per_second": int(ours),
            "smtp_source_per_second": theirs and int(theirs),
            "ratio": theirs and round(ours / theirs, 2),
            **accounts(),
        }
    finally:
        teardown_databases(databases, verbosity=0)


# --- the campaign --------------------------------------------------------------------------------------------------


def prepare(recipients: int) -> tuple[float, int]:
    """A frozen campaign: seconds the freeze took, bytes of a message."""
    from django.db import connection

    from campaigns import lifecycle
    from delivery import tasks
    from delivery.freeze import freeze
    from delivery.rendering import render_recipient
    from tests.factories import EmailFactory, OrganizationFactory, draft_campaign, staff

    tasks.queue = lambda task, pk: None
    organization = OrganizationFactory()
    email = EmailFactory(organization=organization, subject="News for {{ first_name }}", html=PAGE)
    fill(organization, recipients)
    campaign = draft_campaign(organization, people=0, email=email)
    subscribe(organization, campaign.audience.get().mailing_list)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    lifecycle.send_now(campaign, by=staff(organization))
    began = time.perf_counter()
    run = freeze(campaign)
    return time.perf_counter() - began, len(render_recipient(run.recipients.first()))


def fill(organization, recipients: int) -> None:
    from audience.models import CustomField, Subscriber

    for key in ("first_name", "city"):
        CustomField.objects.create(organization=organization, key=key, name=key)
    for start in range(0, recipients, CHUNK):
        Subscriber.objects.bulk_create(
            Subscriber(
                organization=organization,
                email=f"reader{number}@d{number % 1000}.example",
                email_domain=f"d{number % 1000}.example",
                fields={"first_name": f"Ann {number}", "city": "Köln"},
            )
            for number in range(start, min(start + CHUNK, recipients))
        )


def subscribe(organization, mailing_list) -> None:
    from audience.models import Subscription

    ids = list(organization.subscribers.values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        Subscription.objects.bulk_create(
            Subscription(mailing_list=mailing_list, subscriber_id=pk) for pk in ids[start : start + CHUNK]
        )


def accounts() -> dict[str, int]:
    """What became of everybody, as the database has it."""
    from campaigns.models import CampaignRun

    run = CampaignRun.objects.get()
    return {name: getattr(run, name) for name in ("sent", "failed", "in_doubt", "pending")}


# --- who sends -----------------------------------------------------------------------------------------------------


def sent_by_workers(workers: int, port: int) -> float:
    """Seconds from the first claim to the last settlement."""
    from django.db.models import Max, Min

    from delivery.models import Batch

    environment = os.environ | {"SMTP_PORT": str(port), "DATABASE_URL": database_url()}
    processes = [subprocess.Popen([sys.executable, __file__, "--work"], env=environment) for _ in range(workers)]
    for process in processes:
        process.wait()
    about = Batch.objects.aggregate(began=Min("claimed_at"), ended=Max("settled_at"))
    return (about["ended"] - about["began"]).total_seconds()


def work() -> None:
    """A worker: batches one after the other, until none is due."""
    import django

    django.setup()
    from django.utils.timezone import now

    from delivery import tasks
    from delivery.models import Batch

    tasks.queue = lambda task, pk: None
    while ids := list(Batch.objects.due(now()).order_by("?").values_list("pk", flat=True)[:20]):
        for batch_id in ids:
            tasks.deliver_batch(batch_id)


def database_url() -> str:
    from django.db import connection

    about = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{about['NAME']}"
    who = f"{about['USER']}:{about['PASSWORD']}" if about["PASSWORD"] else about["USER"]
    return f"postgres://{who}@{about['HOST']}:{about['PORT'] or 5432}/{about['NAME']}"


def sent_by_postfix(folder: str, messages: int, size: int, port: int) -> float | None:
    """Messages a second of smtp-source, over as many connections as our workers have by default."""
    source = tool(folder, "smtp-source")
    if source is None:
        return None
    began = time.perf_counter()
    subprocess.run([source, "-d", "-s", "8", "-l", str(size), "-m", str(messages), f"127.0.0.1:{port}"], check=True)
    return messages / (time.perf_counter() - began)


# --- who takes the mail ----------------------------------------------------------------------------------------------


@contextmanager
def running_sink(folder: str):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    theirs = tool(folder, "smtp-sink")
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    ours = [sys.executable, __file__, "--sink", str(port)]
    command = [theirs, *as_nobody, f"127.0.0.1:{port}", "1000"] if theirs else ours
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def tool(folder: str, name: str) -> str | None:
    return shutil.which(name, path=folder) or shutil.which(name)


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The sink does not listen.")


async def sink(port: int) -> None:
    """Takes everything, and says so to whole packets of commands at once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250-sink\r\n250 PIPELINING\r\n" if command == b"EHLO" else b"250 ok\r\n")
            if command == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=2**22)
    await server.serve_forever()


if __name__ == "__main__":
    main()

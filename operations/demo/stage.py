"""Where a demo runs: a folder, ports and a queue of its own; only the database is the installation's.

There is no clock on it and nobody else's tasks are in its queue, so that no campaign but the demo's is touched.
"""

import os
import secrets
import signal
import subprocess
import tempfile
from pathlib import Path

from celery import current_app
from django.conf import settings

from operations import programs
from operations.supervisor import Program, free_port

HOST = "127.0.0.1"
MARK = "BROADSHEET_DEMO_STAGE"


def is_set() -> bool:
    """Whether this process runs on a stage already."""
    return MARK in os.environ


def perform(arguments: list[str]) -> int:
    """Run `manage.py demo` with these arguments on a stage; its exit status."""
    with tempfile.TemporaryDirectory(prefix="broadsheet-demo-") as folder:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [*programs.MANAGE, "demo", *arguments], env={**os.environ, **variables(Path(folder))}
        )
        # Ctrl-C reaches the performance too, which clears up; this process only waits for that.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def clear() -> None:
    """Take the stage's queues away from the broker; what is in a folder goes with the folder."""
    if settings.CELERY_BROKER_URL.startswith("folder:"):
        return
    with current_app.connection_for_write() as connection:
        for queue in current_app.amqp.queues.values():
            queue(connection.default_channel).delete()
            if queue.exchange.name:
                queue.exchange(connection.default_channel).delete()


def on_it() -> list[Program]:
    """What has to run beside the play; called on the stage, whose settings they take."""
    return [programs.inbox(), *programs.workers(), programs.web()]


def variables(folder: Path) -> dict[str, str]:
    """The settings of everything on the stage."""
    web, inbox = free_port(HOST), free_port(HOST)
    return {
        MARK: str(folder),
        "VAR_DIR": str(folder),
        "JOURNAL_DIR": str(folder / "journal"),
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{settings.VAR_DIR / 'broadsheet.sqlite3'}",
        "SECRET_KEY": settings.SECRET_KEY,
        "TRACKING_KEYS": ",".join(settings.TRACKING_KEYS),
        "WEB_HOST": HOST,
        "WEB_PORT": str(web),
        "BASE_URL": f"http://{HOST}:{web}",
        "ALLOWED_HOSTS": HOST,
        "INBOX_HOST": HOST,
        "INBOX_PORT": str(inbox),
        "SMTP_HOST": HOST,
        "SMTP_PORT": str(inbox),
        "SMTP_USER": "",
        "SMTP_PASSWORD": "",
        "SMTP_SECURITY": "none",
        "CELERY_QUEUE": f"demo-{secrets.token_hex(4)}",
        "BATCH_SIZE": "100",  # several batches even of a small audience
        "POSTS_PER_ADDRESS": "1000000",  # all readers live at one address
        "TOO_SOON_SECONDS": "0",  # and read faster than people can
        "BURST_LINKS": "0",
    }

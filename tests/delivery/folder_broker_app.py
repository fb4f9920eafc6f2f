"""A Celery application on the folder broker, run as a real worker by test_folder_broker.py."""

import os
import time
from pathlib import Path

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

TRANSPORT_ALIASES["folder"] = "delivery.folder_broker:Transport"
FOLDER = Path(os.environ.get("FOLDER_BROKER_TEST_DIR", "unused"))

app = Celery("folder-broker-test", broker="folder://")
app.conf.update(
    broker_transport_options={"folder": str(FOLDER / "queue"), "polling_interval": 0.02},
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_default_queue="work",
)


@app.task
def note(number: int) -> None:
    """Leave a line in a file of this process's own."""
    with (FOLDER / f"notes-{os.getpid()}").open("a") as notes:
        notes.write(f"{number}\n")


@app.task
def note_slowly_once(number: int) -> None:
    """The first time it hangs, until its worker is killed; the second time it is done at once."""
    started = FOLDER / f"started-{number}"
    if not started.exists():
        started.touch()
        time.sleep(60)
    note(number)


@app.task
def note_slowly(number: int) -> None:
    (FOLDER / f"started-{number}").touch()
    time.sleep(1)
    note(number)

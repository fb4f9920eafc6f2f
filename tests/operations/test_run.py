"""`manage.py run` as a person starts it: a fresh folder, four processes, Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db.utils import ConnectionHandler

from operations import programs
from operations.management.commands import run
from operations.supervisor import free_port

ROOT = Path(__file__).resolve().parents[2]


def environment(var_dir):
    """What a program needs to run on SQLite and the folder broker below this folder, on ports of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "CELERY_BROKER_URL"}}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(var_dir),
        "WEB_PORT": str(free_port()),
        "INBOX_PORT": str(free_port()),
        "WORKER_PROCESSES": "1",
    }


@pytest.fixture
def installation(migrated_file, tmp_path):
    shutil.copy(migrated_file, tmp_path / "broadsheet.sqlite3")
    return environment(tmp_path)


def manage(variables, *arguments, check=True):
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, check=check, capture_output=True, text=True)


def start(variables, log):
    command = [sys.executable, "manage.py", "run"]
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)


def wait_for_text(path, text, seconds=60):
    deadline = time.monotonic() + seconds
    while text not in path.read_text():
        assert time.monotonic() < deadline, path.read_text()
        time.sleep(0.1)


def processes_of(var_dir):
    """Processes that carry this installation's folder in their environment."""
    marker = f"VAR_DIR={var_dir}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_it_starts_everything_says_where_and_ctrl_c_leaves_no_process(installation, tmp_path):
    output = tmp_path / "output"
    with output.open("w") as log:
        process = start(installation, log)
        wait_for_text(output, "Ctrl-C stops everything.")
        page = urllib.request.urlopen(f"http://localhost:{installation['WEB_PORT']}/admin/login/", timeout=10)
        with socket.create_connection(("127.0.0.1", int(installation["INBOX_PORT"]))) as inbox:
            greeting = inbox.recv(100)

        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=40)

    said = output.read_text()
    assert page.status == 200
    assert greeting.startswith(b"220 ")
    assert status == 0
    for part in (f"http://localhost:{installation['WEB_PORT']}/admin/", "smtp://127.0.0.1:", "worker", "clock"):
        assert part in said
    assert said.endswith("Stopped.\n")
    assert processes_of(tmp_path) == []


def test_a_taken_port_is_told_in_one_line(installation, tmp_path):
    with socket.create_server(("127.0.0.1", int(installation["WEB_PORT"]))):
        done = manage(installation, "run", check=False)

    assert done.returncode == 1
    assert f"The web cannot listen on 127.0.0.1 port {installation['WEB_PORT']}" in done.stderr
    assert "WEB_PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_migrated_is_told(monkeypatch, tmp_path, django_db_blocker):
    new = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "new.sqlite3"}})
    monkeypatch.setattr(run, "connection", new["default"])

    with django_db_blocker.unblock(), pytest.raises(CommandError, match=r"manage\.py migrate"):
        call_command("run")


@pytest.mark.parametrize("broker", ["folder://", "amqp://guest:guest@localhost:5672//"])
def test_the_clocks_short_tasks_have_a_worker_that_no_batch_can_keep_busy(settings, broker):
    settings.CELERY_BROKER_URL = broker

    queues = [program.command[program.command.index("--queues") + 1].split(",") for program in programs.workers()]

    both = [settings.CELERY_TASK_DEFAULT_QUEUE, settings.BATCH_QUEUE, settings.WEBHOOK_QUEUE]
    assert queues[0] == [settings.CELERY_TASK_DEFAULT_QUEUE]
    assert all(taken == both for taken in queues[1:])
    assert queues[1:]

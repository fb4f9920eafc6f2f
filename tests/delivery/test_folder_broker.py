"""The broker that needs no server, with real processes at both ends."""

import collections
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Exchange, Queue

from delivery.folder_broker import folder_name, unquote
from tests.delivery.broker_ends import connect, consume, hold, produce

ROOT = Path(__file__).resolve().parents[2]
spawn = multiprocessing.get_context("spawn")


@contextmanager
def running(target, *args):
    process = spawn.Process(target=target, args=args)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def everything_in(folder):
    with connect(folder) as connection:
        queue, got = connection.SimpleQueue("work"), []
        while True:
            try:
                message = queue.get_nowait()
            except Empty:
                return got
            got.append(message.payload)
            message.ack()


def test_racing_producers_and_consumers_lose_nothing_and_deliver_nothing_twice(tmp_path):
    results = spawn.Queue()
    began = time.monotonic()

    with (
        running(consume, tmp_path, results),
        running(consume, tmp_path, results),
        running(produce, tmp_path, "first", 1500),
        running(produce, tmp_path, "second", 1500),
    ):
        got = [results.get(timeout=60) for _ in range(2)]

    counts = collections.Counter(tuple(each) for part in got for each in part)
    assert counts == {(producer, n): 1 for producer in ("first", "second") for n in range(1500)}
    assert time.monotonic() - began < 60


def test_one_consumer_gets_messages_in_the_order_they_were_sent(tmp_path):
    produce(tmp_path, "only", 300)

    assert everything_in(tmp_path) == [["only", n] for n in range(300)]


def test_messages_of_a_killed_consumer_come_again_in_their_order(tmp_path):
    produce(tmp_path, "only", 5)
    results = spawn.Queue()

    with running(hold, tmp_path, 3, results) as consumer:
        held = results.get(timeout=30)
        assert everything_in(tmp_path) == [["only", 3], ["only", 4]]
        os.kill(consumer.pid, signal.SIGKILL)
        consumer.join()

    assert held == [["only", 0], ["only", 1], ["only", 2]]
    assert everything_in(tmp_path) == held
    assert list((tmp_path / "claims").iterdir()) == []


def test_messages_not_acknowledged_go_back_when_the_consumer_closes(tmp_path):
    produce(tmp_path, "only", 3)

    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("work")
        first = queue.get(timeout=1)
        second = queue.get(timeout=1)
        second.ack()
        assert (first.payload, second.payload) == (["only", 0], ["only", 1])

    assert everything_in(tmp_path) == [["only", 0], ["only", 2]]


def test_a_rejected_message_is_gone_and_a_requeued_one_comes_again(tmp_path):
    produce(tmp_path, "only", 2)

    with connect(tmp_path) as connection:
        queue = connection.SimpleQueue("work")
        queue.get(timeout=1).reject()
        queue.get(timeout=1).requeue()

    assert everything_in(tmp_path) == [["only", 1]]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"{}", b'{"properties": {}}', b'{"properties"'])
def test_a_malformed_file_is_put_aside_and_the_next_message_delivered(tmp_path, content, caplog):
    produce(tmp_path, "only", 1)
    (tmp_path / "queues" / "work" / "00000000000000000000-1-000000001").write_bytes(content)

    got = everything_in(tmp_path)

    assert got == [["only", 0]]
    [aside] = (tmp_path / "malformed").iterdir()
    assert aside.read_bytes() == content
    assert "Put aside" in caplog.text


def test_a_fanout_reaches_every_queue_that_still_exists(tmp_path):
    exchange = Exchange("news", type="fanout")
    with connect(tmp_path) as connection, connection.channel() as channel:
        queues = [Queue(name, exchange)(channel) for name in ("one", "two", "three")]
        for queue in queues:
            queue.declare()
        queues[2].delete()

        with connect(tmp_path) as other:
            other.Producer().publish({"said": "hello"}, exchange=exchange, declare=[exchange])

        assert [queue.get(no_ack=True).payload for queue in queues[:2]] == [{"said": "hello"}] * 2
        assert channel._size("three") == 0
        assert queues[0].get() is None


def test_a_topic_goes_where_its_pattern_says(tmp_path):
    exchange = Exchange("events", type="topic")
    with connect(tmp_path) as connection, connection.channel() as channel:
        queue = Queue("workers", exchange, routing_key="worker.#")(channel)
        queue.declare()

        for key in ("worker.online", "task.sent"):
            connection.Producer().publish({"key": key}, exchange=exchange, routing_key=key, declare=[exchange])

        assert queue.get().payload == {"key": "worker.online"}
        assert queue.get() is None


def test_an_unbound_queue_gets_nothing_more(tmp_path):
    exchange = Exchange("work", type="direct")
    with connect(tmp_path) as connection, connection.channel() as channel:
        queue = Queue("work", exchange, routing_key="work")(channel)
        queue.declare()

        queue.unbind_from(exchange, routing_key="work")
        connection.Producer().publish({}, exchange=exchange, routing_key="work", declare=[exchange])

        assert queue.get() is None


def test_a_message_older_than_its_queue_allows_is_dropped(tmp_path):
    with connect(tmp_path) as connection, connection.channel() as channel:
        queue = Queue("control", Exchange("control"), "control", message_ttl=0.05)(channel)
        queue.declare()
        connection.Producer().publish({"order": "old"}, exchange="control", routing_key="control")
        time.sleep(0.1)
        connection.Producer().publish({"order": "new"}, exchange="control", routing_key="control")

        assert queue.get().payload == {"order": "new"}


def test_purging_a_queue_says_how_many_messages_it_had(tmp_path):
    produce(tmp_path, "only", 7)

    with connect(tmp_path) as connection, connection.channel() as channel:
        assert channel.queue_purge("work") == 7
        assert channel._size("work") == 0


@given(st.text(min_size=1, max_size=40))
def test_every_queue_name_is_one_folder_and_reads_back(name):
    folder = folder_name(name)

    assert "/" not in folder
    assert folder not in {".", ".."}
    assert unquote(folder) == name


# --- under Celery ------------------------------------------------------------------------------------------------


NOT_FOR_IT = {"CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE"}


def celery(folder, *command, app="tests.delivery.folder_broker_app"):
    # Celery prefers the broker of the environment to the application's own, and would load all of Broadsheet.
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_IT}
    return [sys.executable, "-m", "celery", "-A", app, *command], {
        "cwd": ROOT,
        "env": {**kept, "FOLDER_BROKER_TEST_DIR": str(folder), "VAR_DIR": str(folder)},
        "text": True,
    }


@contextmanager
def worker(folder, *options, name="one", app="tests.delivery.folder_broker_app"):
    command, where = celery(folder, "worker", "-n", f"{name}@here", "-l", "WARNING", *options, app=app)
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **where)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def noted(folder):
    return sorted(int(line) for notes in folder.glob("notes-*") for line in notes.read_text().split())


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


def test_a_celery_worker_answers_inspection_does_the_work_and_stops_when_told(tmp_path):
    queue_task = "from tests.delivery.folder_broker_app import note\nfor n in range(200): note.delay(n)"
    with worker(tmp_path, "-c", "2") as process:
        _, where = celery(tmp_path)
        subprocess.run([sys.executable, "-c", queue_task], check=True, **where)
        wait_for(lambda: noted(tmp_path) == list(range(200)))

        ask, where = celery(tmp_path, "inspect", "ping", "--json", "-d", "one@here", "-t", "5")
        answer = subprocess.run(ask, check=True, capture_output=True, **where).stdout
        tell, where = celery(tmp_path, "control", "shutdown", "-t", "1")
        subprocess.run(tell, check=False, capture_output=True, **where)

        assert json.loads(answer) == {"one@here": {"ok": "pong"}}
        assert process.wait(timeout=20) == 0
    assert noted(tmp_path) == list(range(200))
    assert list((tmp_path / "queue" / "queues" / "work").iterdir()) == []
    assert list((tmp_path / "queue" / "claims").iterdir()) == []


def test_a_task_of_a_killed_worker_is_done_by_the_next(tmp_path):
    _, where = celery(tmp_path)
    queue_task = "from tests.delivery.folder_broker_app import note_slowly_once\nnote_slowly_once.delay(7)"
    subprocess.run([sys.executable, "-c", queue_task], check=True, **where)

    with worker(tmp_path, "-c", "1") as process:
        wait_for((tmp_path / "started-7").exists)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert noted(tmp_path) == []

    with worker(tmp_path, "-c", "1", name="two"):
        wait_for(lambda: noted(tmp_path) == [7])


def test_a_worker_told_to_stop_finishes_its_task_which_does_not_come_again(tmp_path):
    _, where = celery(tmp_path)
    queue_task = "from tests.delivery.folder_broker_app import note_slowly\nnote_slowly.delay(7)"
    subprocess.run([sys.executable, "-c", queue_task], check=True, **where)

    with worker(tmp_path, "-c", "1") as process:
        wait_for((tmp_path / "started-7").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0

    assert noted(tmp_path) == [7]
    assert list((tmp_path / "queue" / "queues" / "work").iterdir()) == []
    assert list((tmp_path / "queue" / "claims").iterdir()) == []

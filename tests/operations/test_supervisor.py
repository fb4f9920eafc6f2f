"""Real processes, started and stopped together."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from operations.supervisor import ChildDied, NotReady, Port, PortTaken, Program, Supervisor, free_port, running

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"


def python(name, source, **options):
    return Program(name=name, command=(sys.executable, "-c", textwrap.dedent(source)), **options)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


def test_programs_are_up_in_order_and_gone_afterwards(tmp_path):
    with running([python("one", SLEEPS, ready="up"), python("two", SLEEPS, ready="up")], tmp_path) as supervisor:
        names = {program.name for program in supervisor.wait_until_ready()}
        pids = [child.process.pid for child in supervisor.children]
        assert all(map(is_alive, pids))

    assert names == {"one", "two"}
    assert not any(map(is_alive, pids))
    assert (tmp_path / "one.log").read_text() == "up\n"


def test_a_program_with_a_port_is_up_when_it_answers(tmp_path):
    port = Port(host="127.0.0.1", number=free_port(), setting="WEB_PORT")
    server = (
        f"import http.server as s; s.HTTPServer(('127.0.0.1', {port.number}), s.BaseHTTPRequestHandler).serve_forever()"
    )

    with running([python("web", server, port=port)], tmp_path) as supervisor:
        assert [program.name for program in supervisor.wait_until_ready()] == ["web"]
        socket.create_connection((port.host, port.number)).close()


def test_a_taken_port_is_named_with_the_setting_to_change_and_nothing_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        port = Port(host="127.0.0.1", number=number, setting="WEB_PORT")
        programs = [python("one", SLEEPS), python("web", SLEEPS, port=port)]

        with pytest.raises(PortTaken) as refused, running(programs, tmp_path):
            pass

    assert f"port {number}: the port is taken" in str(refused.value)
    assert f"WEB_PORT={number + 1}" in str(refused.value)
    assert not (tmp_path / "one.log").exists()


def test_when_one_ends_the_error_says_which_and_why_and_the_rest_is_stopped(tmp_path):
    breaks = "print('the reason', flush=True); raise SystemExit(3)"

    with running([python("one", SLEEPS), python("two", breaks)], tmp_path) as watched:
        survivor = watched.children[0].process.pid
        with pytest.raises(ChildDied) as died:
            wait_for(watched.check)

    assert "The two ended with status 3." in str(died.value)
    assert "the reason" in str(died.value)
    assert not is_alive(survivor)


def test_a_program_killed_from_outside_is_told_by_its_signal(tmp_path):
    with running([python("one", SLEEPS)], tmp_path) as watched:
        os.kill(watched.children[0].process.pid, signal.SIGKILL)
        with pytest.raises(ChildDied, match="was killed by SIGKILL"):
            wait_for(watched.check)


def test_what_a_dead_program_started_is_killed_with_it(tmp_path):
    """The group is killed even when its leader has ended by itself."""
    leaves = """
        import subprocess, sys
        print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
    """

    with running([python("one", leaves)], tmp_path) as watched, pytest.raises(ChildDied):
        wait_for(watched.check)

    orphan = int((tmp_path / "one.log").read_text())
    wait_for(lambda: not is_alive(orphan) or is_zombie(orphan))


def is_zombie(pid):
    """Killed, and not yet collected by whoever inherited it."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_who_does_not_listen_is_killed_after_a_while(tmp_path):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    supervisor = Supervisor(tmp_path)
    supervisor.start([python("one", stubborn, ready="up")])
    list(supervisor.wait_until_ready())
    pid = supervisor.children[0].process.pid

    began = time.monotonic()
    supervisor.stop(seconds=0.3)

    assert 0.3 <= time.monotonic() - began < 5
    assert not is_alive(pid)


def test_who_serves_others_goes_when_they_are_gone(tmp_path):
    tells = """
        import signal, sys, time
        def end(*_):
            time.sleep({takes})
            print(time.monotonic(), flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(60)
    """
    inbox = python("inbox", tells.format(takes=0), ready="up", serves_others=True)
    worker = python("worker", tells.format(takes=0.3), ready="up")

    with running([inbox, worker], tmp_path) as supervisor:
        list(supervisor.wait_until_ready())

    ended = {name: float((tmp_path / f"{name}.log").read_text().split()[-1]) for name in ("inbox", "worker")}
    assert ended["worker"] < ended["inbox"]


def test_who_listens_may_finish(tmp_path):
    finishes = """
        import signal, sys, time
        def end(*_):
            time.sleep(0.2)
            print("finished", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("up", flush=True)
        time.sleep(60)
    """

    with running([python("one", finishes, ready="up")], tmp_path) as supervisor:
        list(supervisor.wait_until_ready())

    assert (tmp_path / "one.log").read_text() == "up\nfinished\n"


def test_who_is_never_up_is_named(tmp_path):
    with (
        pytest.raises(NotReady, match="The one is not up"),
        running([python("one", SLEEPS, ready="ever")], tmp_path) as it,
    ):
        list(it.wait_until_ready(seconds=0.3))


def test_only_warnings_reach_the_terminal_with_the_lines_that_belong_to_them(tmp_path):
    writes = """
        import time
        print("[2026-11-21 01:16:33,442: INFO/MainProcess] all is well")
        print("[2026-11-21 01:16:33,442: ERROR/MainProcess] it broke")
        print("Traceback (most recent call last):")
        print("ValueError: three")
        print("2026-11-21 01:16:34,000 INFO again")
        print("[WARNING] from granian")
        print("up", flush=True)
        time.sleep(60)
    """
    told = []

    with running([python("one", writes, ready="up")], tmp_path, lambda p, line: told.append((p.name, line))) as it:
        list(it.wait_until_ready())
        it.check()
        it.check()

    assert [line for _, line in told] == [
        "[2026-11-21 01:16:33,442: ERROR/MainProcess] it broke",
        "Traceback (most recent call last):",
        "ValueError: three",
        "[WARNING] from granian",
        "up",
    ]
    assert {name for name, _ in told} == {"one"}


def test_a_log_that_grew_too_long_is_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr("operations.supervisor.LARGEST_LOG", 10)
    (tmp_path / "one.log").write_text("from an earlier run\n")

    with running([python("one", SLEEPS, ready="^up")], tmp_path) as supervisor:
        list(supervisor.wait_until_ready())

    assert (tmp_path / "one.log.1").read_text() == "from an earlier run\n"
    assert (tmp_path / "one.log").read_text() == "up\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel tells children on Linux only")
def test_children_end_when_the_supervisor_is_killed(tmp_path):
    supervises = f"""
        import sys, time
        from pathlib import Path
        from operations.supervisor import Program, running
        program = Program(name="one", command=(sys.executable, "-c", {SLEEPS!r}), ready="up")
        with running([program], Path({str(tmp_path)!r})) as supervisor:
            list(supervisor.wait_until_ready())
            print(supervisor.children[0].process.pid, flush=True)
            time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(supervises)], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    wait_for(lambda: not is_alive(child) or is_zombie(child))

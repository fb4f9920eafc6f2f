"""Several programs that belong together: started in order, watched, and stopped together.

Each child leads a session of its own, so that Ctrl-C in the terminal reaches only the supervisor, which then stops the
children, all at once but for those that serve others, who go last: SIGTERM to the leader (a Celery worker wants to
finish what it has in hand; a SIGTERM to its pool processes would lose it), time to end, then SIGKILL to whatever is
left of the group. Nothing is restarted:
when one child ends, all are stopped, and the error says which it was and shows its last lines. If the supervisor itself
is killed, the kernel tells the children (Linux).

What a child writes goes to its log file; warnings and errors are passed on to the terminal as well.
"""

import ctypes
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_LOG = 5 * 1024 * 1024  # bytes; a longer one is set aside when its child starts
LAST_LINES = 15
SECONDS_TO_START = 60.0
SECONDS_TO_STOP = 20.0
_PR_SET_PDEATHSIG = 1

# The beginning of a line of Celery's, Django's or granian's log, and whether it is worth the reader's attention.
_RECORD = re.compile(r"^\[?(\d{4}-\d\d-\d\d|INFO|WARNING|ERROR|CRITICAL)")
_IMPORTANT = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")


@dataclass(frozen=True, kw_only=True)
class Port:
    """Where a child is going to listen, and the setting that says so."""

    host: str
    number: int
    setting: str


@dataclass(frozen=True, kw_only=True)
class Program:
    """Something to run: its name (also of its log file), its command line, how one sees that it is up."""

    name: str
    command: Sequence[str]
    port: Port | None = None
    ready: str | None = None  # a pattern in its log; without one, an open port or a started process is enough
    environment: Mapping[str, str] = field(default_factory=dict)
    serves_others: bool = False  # stopped when the others are gone, who may need it to finish


class SupervisorError(Exception):
    """Its text is fit to be shown."""


class PortTaken(SupervisorError):
    def __init__(self, program: Program, port: Port, why: str) -> None:
        super().__init__(
            f"The {program.name} cannot listen on {port.host} port {port.number}: {why}. "
            f"Stop the program that uses it, or choose another port: {port.setting}={port.number + 1}"
        )


class ChildDied(SupervisorError):
    def __init__(self, child: "Child", status: int) -> None:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        self.program = child.program
        lines = "".join(f"    {line}\n" for line in child.log.last_lines())
        super().__init__(f"The {child.program.name} {how}. Its last lines ({child.log.path}):\n{lines}".rstrip())


class NotReady(SupervisorError):
    def __init__(self, child: "Child", seconds: float) -> None:
        super().__init__(f"The {child.program.name} is not up after {seconds:.0f} seconds; see {child.log.path}")


class Log:
    """The file a child writes to, read from where this run began."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        self.file = path.open("ab", buffering=0)
        self._began = self._read_to = self.file.tell()
        self._passing_on = False

    def text(self) -> str:
        """All this run has written."""
        with self.path.open("rb") as reader:
            reader.seek(self._began)
            return reader.read().decode(errors="replace")

    def last_lines(self) -> list[str]:
        return self.text().splitlines()[-LAST_LINES:]

    def new_warnings(self) -> list[str]:
        """Warnings and errors written since the last call, with the lines that belong to them."""
        with self.path.open("rb") as reader:
            reader.seek(self._read_to)
            whole, newline, _ = reader.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        return [line for line in whole.decode(errors="replace").splitlines() if self._is_worth_showing(line)]

    def _is_worth_showing(self, line: str) -> bool:
        if _RECORD.match(line):
            self._passing_on = bool(_IMPORTANT.search(line))
        return self._passing_on and bool(line.strip())


class Child:
    """A running program and the group of processes it leads."""

    def __init__(self, program: Program, log: Log) -> None:
        self.program, self.log = program, log
        self.process = subprocess.Popen(  # noqa: S603 - our own command lines
            list(program.command),
            stdin=subprocess.DEVNULL,
            stdout=log.file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )

    def has_ended(self) -> bool:
        """Without collecting its status, so that its number still names its group and nobody else's."""
        if self.process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def is_ready(self) -> bool:
        if self.program.ready is not None:
            return re.search(self.program.ready, self.log.text()) is not None
        return self.program.port is None or _answers(self.program.port)

    def ask_to_stop(self) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGTERM)

    def kill(self) -> int:
        if self.process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        status = self.process.wait()
        self.log.file.close()
        return status


class Supervisor:
    """Children in the order they were started. `tell` gets lines for the terminal: (program, line)."""

    def __init__(self, log_dir: Path, tell: Callable[[Program, str], None] = lambda program, line: None) -> None:
        self.log_dir, self.tell = log_dir, tell
        self.children: list[Child] = []

    def start(self, programs: Sequence[Program]) -> None:
        """All of them, once it is clear that every port is free. Raises PortTaken."""
        for program in programs:
            if program.port is not None:
                require_free(program, program.port)
        for program in programs:
            self.children.append(Child(program, Log(self.log_dir / f"{program.name}.log")))

    def wait_until_ready(self, seconds: float = SECONDS_TO_START) -> Iterator[Program]:
        """Each program as it comes up. Raises ChildDied, NotReady."""
        deadline, waiting = time.monotonic() + seconds, list(self.children)
        while waiting:
            self.check()
            for child in [child for child in waiting if child.is_ready()]:
                waiting.remove(child)
                yield child.program
            if waiting and time.monotonic() > deadline:
                raise NotReady(waiting[0], seconds)
            time.sleep(0.05)

    def check(self) -> None:
        """Pass on new warnings. Raises ChildDied when one has ended."""
        for child in self.children:
            for line in child.log.new_warnings():
                self.tell(child.program, line)
        for child in self.children:
            if child.has_ended():
                raise ChildDied(child, child.kill())

    def stop(self, seconds: float = SECONDS_TO_STOP) -> None:
        """Everything; whoever does not end in time is killed. Interrupted, it kills at once."""
        try:
            _stop([child for child in self.children if not child.program.serves_others], seconds)
            _stop([child for child in self.children if child.program.serves_others], seconds)
        finally:
            for child in self.children:
                child.kill()
            self.children.clear()


def _stop(children: Sequence[Child], seconds: float) -> None:
    """Ask all, wait for all, then kill the groups of those still there."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + seconds
    while not all(child.has_ended() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    for child in children:
        child.kill()


@contextmanager
def running(
    programs: Sequence[Program], log_dir: Path, tell: Callable[[Program, str], None] = lambda program, line: None
) -> Iterator[Supervisor]:
    """These programs, for as long as the block lasts."""
    supervisor = Supervisor(log_dir, tell)
    try:
        supervisor.start(programs)
        yield supervisor
    finally:
        supervisor.stop()


def require_free(program: Program, port: Port) -> None:
    """Raises PortTaken, with what to do about it."""
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            reasons = {
                errno.EADDRINUSE: "the port is taken by another program",
                errno.EACCES: "this user may not open it",
            }
            raise PortTaken(program, port, reasons.get(error.errno or 0, str(error))) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _answers(port: Port) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(port.host, port.host)  # noqa: S104 - compared, not bound
    try:
        socket.create_connection((host, port.number), timeout=1).close()
    except OSError:
        return False
    return True


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    """Run in the child before its program: SIGTERM when the supervisor goes without saying goodbye."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_the_kernel

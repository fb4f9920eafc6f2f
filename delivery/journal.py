"""What a worker writes down while it sends, so that a kill loses nobody and says of whom nobody knows.

A journal is a file of one claim of one batch, append-only, one line an event:

    > 1234                                        the body of recipient 1234 goes out now
    < 1234 accepted 250 - 2.0.0 Queued as 4B2     what became of it
    < 1235 deferred 451 2026-11-21T09:31:00+00:00 4.7.1 Greylisted
    < 1236 rejected 550 - 5.1.1 No such mailbox
    < 1237 in_doubt - - The connection was lost

Each line is one write() that has returned before the worker goes on, so it outlives the process, `kill -9` included
(not a power cut). A recipient that was started and has no outcome is in doubt. The worker holds an flock on its file:
a file nobody holds belongs to a claim whose worker is gone. It is shown under its name only once it is locked, names
are never used twice, and a file is removed only after what it says is committed.
"""

import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from django.conf import settings

from delivery.retries import Accepted, Deferred, InDoubt, Outcome, Rejected

SUFFIX = ".journal"
HALF_MADE = ".new"
SECONDS_TO_BE_BORN = 60
_KINDS: dict[type[Outcome], str] = {
    Accepted: "accepted",
    Deferred: "deferred",
    Rejected: "rejected",
    InDoubt: "in_doubt",
}
_ENTRY = re.compile(
    r"> (?P<started>\d+)"
    r"|< (?P<settled>\d+) (?P<kind>accepted|deferred|rejected|in_doubt) (?P<code>\d+|-) (?P<until>\S+) (?P<text>.*)"
)


class JournalUnwritable(OSError):
    """A line could not be written whole: without it nothing may be sent."""


class Journal:
    """The journal of one claim, locked while its worker lives; `name` says whose claim it is, on which machine.

    A block that ends well removes the file: what it says is committed. One that fails leaves it to whoever replays it.
    """

    def __init__(self, path: Path, descriptor: int, name: str) -> None:
        self.path, self.name = path, name
        self._descriptor = descriptor

    @classmethod
    def create(cls, batch_id: int) -> Self:
        """Raises OSError where journals cannot be kept."""
        folder = _folder()
        hidden = folder / f"{batch_id}-{secrets.token_hex(8)}{HALF_MADE}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        path = hidden.rename(hidden.with_suffix(SUFFIX))
        return cls(path, descriptor, f"{identity(folder)}/{path.name}")

    def started(self, recipient_id: int) -> None:
        """From now on this recipient may have the message. Raises JournalUnwritable."""
        self._write(f"> {recipient_id}\n")

    def settled(self, recipient_id: int, outcome: Outcome) -> None:
        """Raises JournalUnwritable."""
        self._write(f"< {recipient_id} {_line(outcome)}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *about: object) -> None:
        if kind is None:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "replace")
        if os.write(self._descriptor, data) != len(data):
            raise JournalUnwritable(f"The journal {self.path} cannot be written: the disk may be full.")


def _line(outcome: Outcome) -> str:
    code = "-" if outcome.code is None else str(outcome.code)
    until = outcome.until.isoformat() if isinstance(outcome, Deferred) else "-"
    return f"{_KINDS[type(outcome)]} {code} {until} {' '.join(outcome.text.split())[:500]}"


# --- reading what a worker left behind -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entries:
    """What a journal says: the outcomes that are known, and who was started and has none."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    in_flight: frozenset[int] = frozenset()


def read(path: Path) -> Entries:
    """A line that is torn was never written: what it would have told had not begun, or is in doubt."""
    *lines, _ = path.read_bytes().decode("utf-8", "replace").split("\n")
    found = [match for line in lines if (match := _ENTRY.fullmatch(line))]
    started = {int(match["started"]) for match in found if match["started"]}
    outcomes = {int(match["settled"]): _outcome(match) for match in found if match["settled"]}
    return Entries(outcomes, frozenset(started - outcomes.keys()))


def _outcome(match: re.Match[str]) -> Outcome:
    code = None if match["code"] == "-" else int(match["code"])
    if match["kind"] == "deferred":
        return Deferred(datetime.fromisoformat(match["until"]), code, match["text"])
    if match["kind"] == "in_doubt":
        return InDoubt(match["text"])
    return Accepted(code, match["text"]) if match["kind"] == "accepted" else Rejected(code, match["text"])


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A journal whose worker is gone, held by us as long as the block of `abandoned` lasts."""

    name: str
    path: Path
    entries: Entries


def abandoned() -> Iterator[Abandoned]:
    """The journals on this machine that nobody holds, one after the other, each locked while it is looked at.

    Remove the file (`path.unlink`) once what it says is committed; otherwise it is found again.
    """
    folder = _folder()
    _remove_half_made(folder)
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with _locked(path) as is_ours:
            if is_ours:
                yield Abandoned(f"{identity(folder)}/{path.name}", path, read(path))


def is_here(name: str) -> bool:
    """Whether the claim of this name was made with the journals of this machine."""
    return name.partition("/")[0] == identity(_folder())


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """False where somebody holds the file, or has removed it meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock(descriptor) and path.exists()
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_half_made(folder: Path) -> None:
    """Files of workers that were killed before they had claimed anything."""
    for path in folder.glob(f"*{HALF_MADE}"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > SECONDS_TO_BE_BORN:
                path.unlink()


# --- where they lie ------------------------------------------------------------------------------------------------


def _folder() -> Path:
    folder = Path(settings.JOURNAL_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def identity(folder: Path) -> str:
    """The name of this place for journals, made on first use: it stays when the host or the container is renamed."""
    path = folder / "identity"
    if not path.exists():
        draft = folder / f"identity-{secrets.token_hex(4)}"
        draft.write_text(f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}")
        with suppress(FileExistsError):
            os.link(draft, path)  # fails if another process was first, and then its name counts
        draft.unlink()
    return path.read_text().strip()

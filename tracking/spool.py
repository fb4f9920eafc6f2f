"""The spool: hits wait here, in files, between the answer that was given and the database.

Each process appends to a file of its own, one `write()` a hit on an O_APPEND descriptor: once `append` has returned,
the hit is the kernel's and outlives the process, `kill -9` included. (Not a power cut, unless `sync=True` is asked.)

A record is one line: CRC-32 of the payload as 8 hex digits, a space, the payload as ASCII JSON (an array in the order
of `Hit`'s fields; later versions only add at its end), a line feed. It is written with a line feed in front as well,
and none ever stands inside a payload, so that a torn record spoils nothing but itself: at the end of a file that is
still written it is waited for, anywhere else it is passed over.

The writer holds an flock on its file for as long as it may write. A file nobody holds is finished for good: names are
never used twice. A file is shown under its name (`*.hits`) only once it is locked, so that no reader takes a newborn
for a finished one. Names begin with their time, so that the order of names is the order of beginnings.
"""

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

SUFFIX = ".hits"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
to_json = json.JSONEncoder(separators=(",", ":")).encode
from_json = json.JSONDecoder().raw_decode


class HitKind(StrEnum):
    """What can come back; the database's event kinds have the same values."""

    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    VIEWED = "viewed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    FORWARDED = "forwarded"
    CONVERTED = "converted"
    PROBED = "probed"


# Not what came back from a recipient: how many links a process has refused (`tracking.refusals`).
REFUSED = "refused"


@dataclass(slots=True)  # not frozen: a frozen one takes three times as long to make, and ingest makes millions
class Hit:
    """One thing that came back from one recipient of one run; `at` is an aware time. Nobody changes one but the reader
    that made it."""

    kind: str
    run_id: int
    recipient_id: int
    subscriber_id: int
    at: datetime
    link_position: int = 0
    url: str = ""
    ip_address: str = ""
    user_agent: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Record(NamedTuple):
    """A line of a spool file and where it stands; `hit` is None where the line is not what was written."""

    path: Path
    start: int
    end: int
    line: bytes
    hit: Hit | None


# --- writing -----------------------------------------------------------------------------------------------------


def append(hit: Hit, *, sync: bool = False) -> None:
    """Keep this hit. When it returns, the hit survives this process; with `sync` the machine too.

    Raises OSError when it could not be kept (a full disk); then nothing of it counts.
    """
    _spool_of(settings.SPOOL_DIR).append(encode(hit), sync=sync)


def append_all(hits: Sequence[Hit], *, sync: bool = False) -> None:
    """Keep these hits with one write. Raises OSError; then some of them may have been kept, so give those that are
    tried again a key."""
    if hits:
        _spool_of(settings.SPOOL_DIR).append(b"\n".join(map(encode, hits)), sync=sync)


def encode(hit: Hit) -> bytes:
    """The record as it stands in the file, without the line feed in front."""
    payload = to_json(
        [
            hit.kind,
            hit.run_id,
            hit.recipient_id,
            hit.subscriber_id,
            (hit.at - EPOCH) // MICROSECOND,
            hit.link_position,
            hit.url,
            hit.ip_address,
            hit.user_agent,
            hit.data,
        ]
    ).encode("ascii")
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


class SpoolFile:
    """A spool file this process appends to. It is closed, and with that finished, when nobody holds it any more: a
    thread may still be writing to it while another has begun the next."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{socket.gethostname()[:64]}-{os.getpid()}-{secrets.token_hex(4)}"
        hidden = folder / f".{name}"
        self._descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.path = hidden.rename(folder / (name + SUFFIX))
        self._size = 0
        self._opened_at = time.monotonic()

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def append(self, record: bytes, *, sync: bool) -> None:
        written = os.write(self._descriptor, b"\n" + record)
        self._size += written
        if written <= len(record):
            raise OSError(errno.ENOSPC, "The spool took only a part of a hit.", str(self.path))
        if sync:
            os.fsync(self._descriptor)

    def is_worn(self) -> bool:
        """Too big or too old; about, since threads may count at the same time."""
        age = time.monotonic() - self._opened_at
        return self._size >= settings.SPOOL_FILE_BYTES or age >= settings.SPOOL_FILE_SECONDS


class Spool:
    """Where this process appends in one folder: to one file after the other.

    Only the change of files takes a lock. `write()` on an O_APPEND descriptor is one piece by itself, and a lock held
    over a system call would make the threads of a web server queue for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._file: SpoolFile | None = None

    def append(self, record: bytes, *, sync: bool = False) -> None:
        file = self._file
        if file is None or file.is_worn():
            file = self._begin_after(file)
        try:
            file.append(record, sync=sync)
        except OSError:
            self._leave(file)  # a disk that is full or away: the next hit tries a new file
            raise

    def _begin_after(self, file: SpoolFile | None) -> SpoolFile:
        with self._lock:
            if self._file is None or self._file is file:
                self._file = SpoolFile(self._folder)
            return self._file

    def _leave(self, file: SpoolFile) -> None:
        with self._lock:
            if self._file is file:
                self._file = None


_spools: dict[Path, Spool] = {}
_spools_lock = threading.Lock()


def _spool_of(folder: Path) -> Spool:
    spool = _spools.get(folder)
    if spool is None:
        with _spools_lock:
            spool = _spools.setdefault(folder, Spool(folder))
    return spool


def _start_afresh_in_the_child() -> None:
    """A forked child writes to files of its own, with locks that no thread of the parent holds. Letting go of the
    parent's files does not finish them: an flock lasts until its last descriptor is closed."""
    global _spools_lock
    _spools.clear()
    _spools_lock = threading.Lock()


os.register_at_fork(after_in_child=_start_afresh_in_the_child)


# --- reading -----------------------------------------------------------------------------------------------------


def files(folder: Path) -> list[Path]:
    """The spool files of a folder, the oldest first."""
    return sorted(folder.glob("*" + SUFFIX))


def read(path: Path, offset: int = 0) -> Iterator[Record]:
    """The whole records from `offset` on. A last line without its line feed is left for the next reading; a file that
    has been removed meanwhile has none."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        start = offset
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            if line != b"\n":
                yield Record(path, start, offset, line, decode(line))
                start = offset


def decode(line: bytes) -> Hit | None:
    """The hit a line holds; None where the line is damaged."""
    try:
        payload = line[9:-1]
        if line[:9] != b"%08x " % zlib.crc32(payload):
            return None
        text = payload.decode("ascii")
        values, end = from_json(text)
        if end != len(text):
            return None
        kind, run_id, recipient_id, subscriber_id, microseconds, *rest = values
        return Hit(kind, run_id, recipient_id, subscriber_id, EPOCH + microseconds * MICROSECOND, *rest[:5])
    except (ValueError, TypeError, OverflowError):
        return None


def is_finished(path: Path) -> bool:
    """Whether nobody will ever append to this file again; False also where it is gone."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True

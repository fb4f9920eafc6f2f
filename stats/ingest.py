"""From the spool into the database, each hit exactly once.

A chunk is stored in one transaction: events, engagements, clicked links, counters, and how far each spool file has
been read. The position moves by compare-and-set from where the chunk began, so that a chunk that was stored before,
by a process that died or by one that runs now, is not stored again. Chunks take turns (a lock in the database), so
that a first open is first for everybody.

An unsubscription that reached only the spool, since the database was away, is carried out in the same transaction.
What cannot be counted is kept as a `StrayHit` in the same transaction, and reading goes on behind it.
"""

import fcntl
import gc
import hashlib
import logging
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import chain, groupby, islice
from operator import attrgetter
from pathlib import Path

from django.conf import settings
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Count
from django.utils.timezone import now

from stats import bulk, consequences, counting, months, reclassify
from stats.classification import of_hit
from stats.counting import Judged, Known
from stats.models import Event, Refusal, SeenHit, SpoolPosition, StrayHit
from stats.tally import FIRST_TIME
from tracking import spool
from tracking.spool import Hit, Record

logger = logging.getLogger(__name__)

TURN = 5_031_977  # any number nothing else in this database uses as an advisory lock
LARGEST_LINK_POSITION = 32_767
# Who has more hits than this in one run is not judged as a whole with each chunk.
MOST_HITS_JUDGED_AGAIN = 2_000
# What a database, or the way to it, says of a value it does not take. Not OperationalError: that is about the database.
REFUSALS = (DataError, IntegrityError, ValueError, TypeError, OverflowError)
# Told of each chunk's hits in the transaction that stores them; other rooms add themselves when the app starts.
LISTENERS: list[Callable[[Sequence[Judged]], None]] = []


class Overtaken(Exception):
    """Somebody else has stored this chunk, or a part of it."""


def ingest(limit: int | None = None) -> int:
    """Store what waits in this machine's spool, up to about `limit` lines; the number of lines read.

    Returns 0 at once where another process is at it. Raises OperationalError when the database is away: the spool
    keeps what it has.
    """
    folder, done = Path(settings.SPOOL_DIR), 0
    with _alone(folder) as is_alone, _without_collecting():
        if not is_alone:
            return 0
        months.prepare(now())
        while limit is None or done < limit:
            more = _store_all(folder, None if limit is None else limit - done)
            if more is None:
                break
            done += more
        remove_finished(folder)
    return done


def _store_all(folder: Path, limit: int | None) -> int | None:
    """Chunk by chunk what waits now, up to the limit, or until somebody else has stored some of it; the number of lines
    stored. None where nothing waits."""
    done = 0
    with closing(_chunks(_unread(folder), settings.INGEST_CHUNK)) as chunks:
        for records in chunks:
            stored = store(records)
            done += stored
            if stored < len(records) or (limit is not None and done >= limit):
                return done
    return done or None


def _chunks(unread: Iterator[Record], size: int) -> Generator[list[Record], None, None]:
    """The next chunk is read and decoded while the caller stores one and mostly waits for the database."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool") as reader:
        records = list(islice(unread, size))
        while records:
            following = reader.submit(lambda: list(islice(unread, size))) if len(records) == size else None
            yield records
            records = following.result() if following else []


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else on this machine ingests this folder. Saves work; correctness does not hang on it."""
    if not folder.is_dir():
        yield False
        return
    descriptor = os.open(folder / ".ingest.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Chunks are thousands of small objects without cycles; looking for cycles among them costs a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def next_records(folder: Path, limit: int) -> list[Record]:
    """The next unread lines, oldest file first."""
    return list(islice(_unread(folder), limit))


def _unread(folder: Path) -> Iterator[Record]:
    """Asks the database now, and no more while it is gone through."""
    positions = _positions(paths := spool.files(folder))
    return chain.from_iterable(spool.read(path, positions.get(path.name, 0)) for path in paths)


def store(records: Sequence[Record]) -> int:
    """Store a chunk, once; the number of lines stored. A line the database refuses is found by halving the chunk."""
    try:
        with transaction.atomic():
            take_turn()
            _move_positions(records)
            _store_hits(records)
    except Overtaken:
        return 0
    except REFUSALS as refusal:
        if len(records) == 1:
            return _set_aside(records[0], refusal)
        middle = len(records) // 2
        return store(records[:middle]) + store(records[middle:])
    return len(records)


def take_turn() -> None:
    """Until the end of this transaction nobody else stores hits. (SQLite has one writer at a time anyway.)"""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])


def _move_positions(records: Sequence[Record]) -> None:
    """Compare-and-set for each file the chunk touches; raises Overtaken."""
    for path, lines in groupby(records, key=attrgetter("path")):
        first, *others = lines
        start, end = first.start, (others[-1] if others else first).end
        if start == 0:
            SpoolPosition.objects.bulk_create([SpoolPosition(file_name=path.name)], ignore_conflicts=True)
        moved = SpoolPosition.objects.filter(file_name=path.name, offset=start).update(offset=end, moved_at=now())
        # A file that is gone was stored to its end; its position went after it, so that a missing one proves nothing.
        if moved != 1 or not path.exists():
            raise Overtaken(path.name)


def _store_hits(records: Sequence[Record]) -> None:
    hits, refused = _refusals_apart(records)
    judged, strays = _sorted_out(hits)
    _add_refusals(refused)
    consequences.end_late(records)
    StrayHit.objects.bulk_create(strays)
    judged = consequences.carry_out(judged)
    if suspects := counting.count(judged):
        reclassify.recheck(_bearable(suspects))
    for listener in LISTENERS:
        listener(judged)


def _bearable(suspects: set[int]) -> set[int]:
    """Without those who have so many hits that only a program can have made them: to judge all of these again with each
    chunk would hold up everybody's hits. `manage.py reclassify` judges them too."""
    events = Event.objects.filter(recipient__in=bulk.among(suspects)).order_by().values("recipient_id")
    crowded = events.annotate(hits=Count("pk")).filter(hits__gt=MOST_HITS_JUDGED_AGAIN)
    return suspects - set(crowded.values_list("recipient_id", flat=True))


def _sorted_out(records: Sequence[Record]) -> tuple[list[Judged], list[StrayHit]]:
    """The hits to count, each with its recipient, in the order of their times; and the strays."""
    recipients = _known_recipients(records)
    seen_before = _seen_before(records)
    counted: list[Judged] = []
    strays: list[StrayHit] = []
    for record in records:
        hit = record.hit
        if hit is None:
            strays.append(_stray(record, StrayHit.Reason.DAMAGED))
        elif hit.kind not in FIRST_TIME or not 0 <= hit.link_position <= LARGEST_LINK_POSITION:
            strays.append(_stray(record, StrayHit.Reason.REFUSED))
        elif (known := recipients.get(hit.recipient_id)) is None or known.run_id != hit.run_id:
            strays.append(_stray(record, StrayHit.Reason.UNKNOWN))
        elif not (key := key_of(hit)) or _is_new(key, seen_before):
            counted.append(Judged(hit, known, of_hit(hit, known.settled_at)))
    counted.sort(key=lambda each: each.hit.at)
    return counted, strays


def _known_recipients(records: Sequence[Record]) -> dict[int, Known]:
    return counting.known_recipients({record.hit.recipient_id for record in records if record.hit})


# --- what may be reported twice ----------------------------------------------------------------------------------


def key_of(hit: Hit) -> str:
    """What its sender calls it, if he may send it again; of any length, so that its hash is kept."""
    key = hit.data.get("key", "") if hit.data else ""
    return hashlib.sha256(str(key).encode()).hexdigest() if key else ""


def _seen_before(records: Sequence[Record]) -> set[str]:
    """Keys of this chunk that are known already. From now on all of them are: chunks take turns, so that nobody else
    can be between the question and the answer."""
    keys = {key for record in records if record.hit and (key := key_of(record.hit))}
    if not keys:
        return set()
    known = set(SeenHit.objects.filter(key__in=keys).values_list("key", flat=True))
    SeenHit.objects.bulk_create([SeenHit(key=key) for key in sorted(keys - known)])
    return known


def _is_new(key: str, seen_before: set[str]) -> bool:
    if key in seen_before:
        return False
    seen_before.add(key)
    return True


# --- refused links -----------------------------------------------------------------------------------------------


def _refusals_apart(records: Sequence[Record]) -> tuple[list[Record], list[Hit]]:
    """Records of hits, and what processes have said of links they refused."""
    refused = [record.hit for record in records if record.hit and record.hit.kind == spool.REFUSED]
    if not refused:
        return list(records), []
    return [record for record in records if not record.hit or record.hit.kind != spool.REFUSED], refused


def _add_refusals(refused: Sequence[Hit]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for hit in refused:
        for reason, number in hit.data.get("refused", {}).items():
            counts[hit.at.date().isoformat(), reason[:64]] += number
    rows = [(*key, number) for key, number in counts.items()]
    bulk.upsert(Refusal, ("day", "reason", "count"), rows, key=("day", "reason"), add=("count",))


# --- what cannot be counted --------------------------------------------------------------------------------------


def _stray(record: Record, reason: StrayHit.Reason) -> StrayHit:
    text = record.line.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    return StrayHit(reason=reason, file_name=record.path.name, offset=record.start, line=text)


def _set_aside(record: Record, refusal: Exception) -> int:
    logger.error("A hit was set aside: %s at %d", record.path.name, record.start, exc_info=refusal)
    try:
        with transaction.atomic():
            take_turn()
            _move_positions([record])
            _stray(record, StrayHit.Reason.REFUSED).save()
            if record.hit and (key := key_of(record.hit)):  # or who waits for it would bring it for ever
                SeenHit.objects.bulk_create([SeenHit(key=key)], ignore_conflicts=True)
    except Overtaken:
        return 0
    return 1


# --- files that are done -----------------------------------------------------------------------------------------


def remove_finished(folder: Path) -> None:
    """Delete the files that nobody writes any more and that are stored to their end."""
    for path in spool.files(folder):
        if spool.is_finished(path):  # asked before what is left is looked at: from here on it does not grow
            _remove_if_stored(path)


def _remove_if_stored(path: Path) -> None:
    with transaction.atomic():
        take_turn()
        offset = _positions([path]).get(path.name, 0)
        if next(spool.read(path, offset), None) is not None:
            return
        if torn := path.stat().st_size - offset:
            logger.warning("The last %d bytes of %s are no whole record; nobody was told they were kept.", torn, path)
        path.unlink()  # before its position, which without the file means nothing
        SpoolPosition.objects.filter(file_name=path.name).delete()


def _positions(paths: Sequence[Path]) -> dict[str, int]:
    names = [path.name for path in paths]
    return dict(SpoolPosition.objects.filter(file_name__in=names).values_list("file_name", "offset"))

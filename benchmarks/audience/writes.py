"""An import and a freeze, each against the least a database could do for the same rows."""

import csv
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File
from django.db import connection, transaction
from django.db.models import Model
from world import TOWNS, World

from accounts.actors import Actor, Surface
from accounts.models import User
from audience import imports
from audience.models import ConsentEvent, Import, MailingList, Subscriber, Subscription
from campaigns import drafts, lifecycle
from campaigns.models import CampaignRun
from delivery import freeze, tasks

HEADINGS = ("email", "town", "age", "born", "vip", "size")
MAPPING = {str(column): target for column, target in enumerate(HEADINGS)}


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and of the processor: ours and that of our connection's process on the server, where that
    runs on this machine (Linux), else 0."""

    clock: float = 0.0
    ours: float = 0.0
    server: float = 0.0

    def __add__(self, other: "Took") -> "Took":
        return Took(self.clock + other.clock, self.ours + other.ours, self.server + other.server)

    @property
    def processor(self) -> float:
        return self.ours + self.server


@dataclass(frozen=True)
class Compared:
    """Seconds: ours, and of the bare statement."""

    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        return round(self.ours / self.bare, 2)


@dataclass(frozen=True)
class Imported:
    """What an import took; COPY of its file into a plain table; COPY of all rows it has written into tables with the
    same indexes; and the same into tables that have the foreign keys too."""

    ours: Took
    bare: Took
    same_rows: Took
    same_rows_and_keys: Took

    def figures(self) -> dict[str, object]:
        each = {"copy": self.bare, "copy_same_rows": self.same_rows, "copy_same_rows_and_keys": self.same_rows_and_keys}
        figures: dict[str, object] = {"import_s": round(self.ours.clock, 2)}
        figures |= {"import_ratio": round(self.ours.clock / self.bare.clock, 2)}
        figures |= {"import_processor_s": [round(self.ours.ours, 2), round(self.ours.server, 2)]}
        for name, took in each.items():
            figures |= {f"{name}_s": round(took.clock, 2), f"{name}_processor_s": round(took.processor, 2)}
            figures |= {f"import_over_{name}": round(self.ours.clock / took.clock, 2)}
            if took.processor:
                figures |= {f"import_over_{name}_processor": round(self.ours.processor / took.processor, 2)}
        return figures


def owner() -> Actor:
    user, _ = User.objects.get_or_create(username="benchmark", defaults={"is_superuser": True, "is_staff": True})
    return Actor(user=user, surface=Surface.COMMAND)


# --- import ------------------------------------------------------------------------------------------------------


def compare_import(world: World, rows: int) -> Imported:
    """New people onto a new list, then what a bare COPY takes for the file, and for the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        _write(path, rows)
        mailing_list = MailingList.objects.create(organization=world.organization, name="Imported")
        ours = _took(lambda: _import(path, mailing_list, rows))
        bare = _took(lambda: _copy(path, ", ".join(f"{name} text" for name in HEADINGS), "FORMAT csv, HEADER"))
        same, with_keys = Took(), Took()
        for model, chosen in _written(mailing_list):
            dumped = _dumped(Path(folder), model, chosen)
            same += _took(lambda dumped=dumped: _copy(*dumped))
            keys = _foreign_keys(model)
            with_keys += _took(lambda dumped=dumped, keys=keys: _copy(*dumped, keys))
        return Imported(ours, bare, same, with_keys)


def _write(path: Path, rows: int) -> None:
    dice = random.Random(7)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for number in range(rows):
            born = f"{dice.randint(1940, 2007)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
            age, vip = dice.randint(18, 90), dice.choice(["yes", "no"])
            address = f"import{number}@m{number % 1000}.example"
            writer.writerow([address, dice.choice(TOWNS), age, born, vip, dice.choice("SML")])


def _import(path: Path, mailing_list: MailingList, rows: int) -> None:
    by = owner()
    with path.open("rb") as file:
        draft = imports.create(mailing_list, File(file, name="people.csv"), by=by, mapping=MAPPING)
    imports.start(draft, by=by, in_background=False)
    done = imports.run(draft.pk)
    assert (done.status, done.added) == (Import.Status.COMPLETED, rows), (done.status, done.status_reason, done.added)


def _copy(path: Path, columns: str, form: str, names: str = "", keys: Sequence[str] = ()) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bare_copy ({columns})")
        for key in keys:
            cursor.execute(f"ALTER TABLE bare_copy ADD {key}")
        with path.open("rb") as file, cursor.copy(f"COPY bare_copy {names} FROM STDIN ({form})") as copy:
            while data := file.read(1 << 20):
                copy.write(data)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bare_copy")


def _written(mailing_list: MailingList) -> list[tuple[type[Model], str]]:
    """What an import writes, and which rows of it it was."""
    of_list = f"mailing_list_id = {mailing_list.pk}"
    people = f"id IN (SELECT subscriber_id FROM audience_subscription WHERE {of_list})"  # noqa: S608
    return [(Subscriber, people), (Subscription, of_list), (ConsentEvent, of_list)]


def _dumped(folder: Path, model: type[Model], chosen: str) -> tuple[Path, str, str, str]:
    """These rows in a file, and what `_copy` needs to put them into a table like theirs."""
    table, path = model._meta.db_table, folder / "rows"
    names = ", ".join(each.column for each in model._meta.concrete_fields if not each.generated)
    statement = f"COPY (SELECT {names} FROM {table} WHERE {chosen}) TO STDOUT"  # noqa: S608
    with path.open("wb") as file, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for data in copy:
            file.write(data)
    return path, f"LIKE {table} INCLUDING ALL", "FORMAT text", f"({names})"


def _foreign_keys(model: type[Model]) -> list[str]:
    of_table = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'"
    with connection.cursor() as cursor:
        cursor.execute(of_table, [model._meta.db_table])
        return [definition for (definition,) in cursor.fetchall()]


# --- freeze ------------------------------------------------------------------------------------------------------


def compare_freeze(world: World, *, rounds: int) -> Compared:
    """The imported list frozen into a run, and then the same rows put into the same table for another run."""
    ours, bare = [], []
    for _ in range(rounds):
        campaign, run = _waiting(world)
        ours.append(_timed(lambda campaign=campaign: freeze.freeze(campaign)))
        columns = _stage(run)
        other = CampaignRun.objects.create(campaign=campaign, number=2)
        bare.append(_timed(lambda columns=columns, run=other: _insert(columns, run)))
        assert run.recipients.count() == other.recipients.count() > 0
    return Compared(statistics.median(ours), statistics.median(bare))


def _waiting(world: World) -> tuple[object, CampaignRun]:
    """A campaign to everybody on the imported list, ready to be frozen."""
    tasks.queue = lambda task, pk: None
    mailing_list = MailingList.objects.of(world.organization).filter(name="Imported").latest("pk")
    by = owner()
    email = world.campaigns[0].variants.get().email
    audience = [drafts.Part(mailing_list=mailing_list)]
    campaign = drafts.create(world.organization, by=by, channel="email", name="Freeze", email=email, audience=audience)
    lifecycle.send_now(campaign, by=by)
    return campaign, campaign.runs.get()


def _stage(run: CampaignRun) -> str:
    """The run's rows in a table of their own; the names of their columns, save id and run."""
    names = [field.column for field in run.recipients.model._meta.concrete_fields]
    columns = ", ".join(name for name in names if name not in ("id", "run_id"))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged")
        chosen = f"SELECT {columns} FROM delivery_recipient WHERE run_id = {run.pk} ORDER BY id"  # noqa: S608
        cursor.execute(f"CREATE TABLE staged AS {chosen}")
        cursor.execute("ANALYZE staged")
    return columns


def _insert(columns: str, run: CampaignRun) -> None:
    insert = f"INSERT INTO delivery_recipient (run_id, {columns}) SELECT {run.pk}, {columns} FROM staged"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(insert)


def _timed(act: Callable[[], object]) -> float:
    """Seconds by the clock."""
    return _took(act).clock


def _took(act: Callable[[], object]) -> Took:
    """Begun after a checkpoint, so that no one pays for what another has written."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    server, ours, clock = _processor_of(pid), time.process_time(), time.perf_counter()
    act()
    return Took(time.perf_counter() - clock, time.process_time() - ours, _processor_of(pid) - server)


def _processor_of(pid: int) -> float:
    """Processor seconds of a process of this machine so far (proc(5): fields 14 and 15); 0 for one elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

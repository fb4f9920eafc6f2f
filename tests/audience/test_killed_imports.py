"""A worker that dies for real in the middle of an import: nobody is lost, nobody comes twice, and no file is left."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import import_files, imports, suppression_imports, tasks
from audience.models import (
    ConsentEvent,
    Import,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionImport,
    TaggedSubscription,
)
from tests.audience.importing import chunks_of, counts, refusals, upload
from tests.audience.test_import_workbooks import workbook
from tests.stats.conftest import environment  # noqa: F401 - a fixture
from tests.stats.processes import process

PEOPLE, CHUNK = 200, 50
# The third chunk is written, and not yet committed.
DYING_IN_A_CHUNK = """
import os, signal, django
django.setup()
from audience import import_chunks, import_staging, imports, tasks
import_chunks.ROWS = import_staging.ROWS = {chunk}
write = imports._write
def written(file_import, *given):
    counts = write(file_import, *given)
    if file_import.rows_done == 2 * {chunk}:
        os.kill(os.getpid(), signal.SIGKILL)
    return counts
imports._write = written
tasks.run_import({import_id})
"""


def rows():
    """Each twentieth is refused, and each tenth says again what the first said."""
    for number in range(PEOPLE):
        if number % 20 == 19:
            yield "nonsense,Ulm,"
        elif number % 10 == 9:
            yield "p0@x.org,Ulm,vip"
        else:
            yield f"p{number}@x.org,Ulm,vip"


def dies(program, environment):  # noqa: F811 - the value of the fixture
    """Run it in a process of its own, until it kills itself as nothing can be caught or tidied up."""
    with process(["-c", program], environment) as worker:
        assert worker.wait(60) == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_worker_is_killed_goes_on_where_the_last_chunk_ended(
    news,
    environment,  # noqa: F811 - the fixture
    settings,
    monkeypatch,
):
    chunks_of(monkeypatch, CHUNK)
    settings.MEDIA_ROOT = Path(environment["VAR_DIR"]) / "files"  # where the other process looks
    draft = upload(news, "email,town,tags\n" + "\n".join(rows()) + "\n")
    imports.start(draft, by=SYSTEM, in_background=False)

    dies(DYING_IN_A_CHUNK.format(chunk=CHUNK, import_id=draft.pk), environment)
    draft.refresh_from_db()
    assert (draft.status, draft.rows_done, draft.rows_total) == ("running", 2 * CHUNK, PEOPLE)
    assert counts(draft) == (90, 0, 5, 5)
    assert Subscription.objects.count() == Subscriber.objects.count() == 90

    Import.objects.update(modified_at=now() - timedelta(hours=1))
    assert tasks.sweep_imports() == 1

    draft.refresh_from_db()
    assert (draft.status, draft.rows_done) == ("completed", PEOPLE)
    assert counts(draft) == (180, 0, 10, 10)
    assert draft.repeated == 10
    assert {len(refusals(draft)), draft.refused} == {10}
    addresses = sorted(Subscriber.objects.values_list("email", flat=True))
    assert addresses == sorted(f"p{number}@x.org" for number in range(PEOPLE) if number % 10 != 9)
    for model in (Subscription, ConsentEvent, TaggedSubscription):
        assert model.objects.count() == 180, model


# --- suppressions ------------------------------------------------------------------------------------------------

# As above: the third chunk is stored, and not yet committed.
DYING_WITH_SUPPRESSIONS = """
import os, signal, django
django.setup()
from audience import suppression_imports, tasks
suppression_imports.CHUNK = {chunk}
stored, done = suppression_imports.suppress, []
def suppress(*given):
    taken = stored(*given)
    done.append(taken)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return taken
suppression_imports.suppress = suppress
tasks.run_suppression_import({import_id})
"""


@pytest.mark.django_db(transaction=True)
def test_an_import_of_suppressions_whose_worker_is_killed_goes_on_where_the_last_chunk_ended(
    organization,
    environment,  # noqa: F811 - the fixture
    settings,
    monkeypatch,
):
    monkeypatch.setattr(suppression_imports, "CHUNK", CHUNK)
    settings.MEDIA_ROOT = Path(environment["VAR_DIR"]) / "files"
    lines = "".join(f"{row.partition(',')[0]},complained\n" for row in rows())
    file = ContentFile(f"email,reason\n{lines}".encode(), name="blocked.csv")
    made = suppression_imports.create(file, organization=organization, by=SYSTEM, in_background=False)

    dies(DYING_WITH_SUPPRESSIONS.format(chunk=CHUNK, import_id=made.pk), environment)
    made.refresh_from_db()
    assert (made.status, made.rows_done, made.rows_total) == ("running", 2 * CHUNK, PEOPLE)
    assert (made.added, made.known, made.refused) == (90, 5, 5)
    assert Suppression.objects.count() == 90

    SuppressionImport.objects.update(modified_at=now() - timedelta(hours=1))
    assert tasks.sweep_imports() == 1

    made.refresh_from_db()
    assert (made.status, made.rows_done) == ("completed", PEOPLE)
    assert (made.added, made.known, made.refused) == (180, 10, 10)
    assert len(list(suppression_imports.refusals(made))) == 10
    assert set(Suppression.objects.values_list("value", "reason")) == {
        (f"p{number}@x.org", "complained") for number in range(PEOPLE) if number % 10 != 9
    }


# --- workbooks ---------------------------------------------------------------------------------------------------

# First while rows are read, then when the sheet is stored as CSV and the import is not yet a draft.
DYING_WITH_A_WORKBOOK = """
import os, signal, django
django.setup()
from audience import import_conversion, import_workbooks, tasks
def die(*given):
    os.kill(os.getpid(), signal.SIGKILL)
written = import_workbooks._text
read = []
def text(cell):
    read.append(cell)
    return die() if len(read) > 150 else written(cell)
if {reading}:
    import_workbooks._text = text
else:
    import_conversion._become_draft = die
tasks.run_import({import_id})
"""


@pytest.mark.django_db(transaction=True)
def test_a_workbook_whose_worker_is_killed_is_converted_anew_and_imported_once(
    news,
    environment,  # noqa: F811 - the fixture
    settings,
):
    settings.MEDIA_ROOT = Path(environment["VAR_DIR"]) / "files"
    cells = [["email", "town", "tags"], *(row.split(",") for row in rows())]
    draft = upload(news, workbook(cells), in_background=False)
    imports.start(draft, by=SYSTEM, in_background=False)

    for reading in (True, False):
        dies(DYING_WITH_A_WORKBOOK.format(reading=reading, import_id=draft.pk), environment)
        draft.refresh_from_db()
        assert (draft.status, draft.file.name) == ("converting", f"imports/{draft.public_id}.xlsx")
    stored = Path(settings.MEDIA_ROOT) / "imports"
    assert len(list(stored.glob("*.csv"))) == 1  # what the second left behind

    Import.objects.update(modified_at=now() - timedelta(hours=1))
    assert tasks.sweep_imports() == 1

    draft.refresh_from_db()
    assert (draft.status, draft.rows_total) == ("completed", PEOPLE)
    assert (draft.added, draft.refused, draft.repeated) == (180, 10, 10)
    assert Subscription.objects.count() == Subscriber.objects.count() == 180
    for path in stored.iterdir():
        os.utime(path, (time.time() - 2 * 86_400,) * 2)
    assert import_files.forget_old() == 1
    assert {path.name for path in stored.iterdir()} == {
        Path(str(each.name)).name for each in (draft.file, draft.error_file)
    }

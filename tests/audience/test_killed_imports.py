"""A worker that dies for real in the middle of an import: nobody is lost, and nobody comes twice."""

import signal
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.actors import SYSTEM
from audience import imports, tasks
from audience.models import ConsentEvent, Import, Subscriber, Subscription, TaggedSubscription
from tests.audience.importing import chunks_of, counts, refusals, upload
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


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_worker_is_killed_goes_on_where_the_last_chunk_ended(
    news,
    environment,  # noqa: F811 - the fixture
    settings,
    tmp_path,
    monkeypatch,
):
    chunks_of(monkeypatch, CHUNK)
    settings.MEDIA_ROOT = tmp_path / "files"  # where the other process looks
    draft = upload(news, "email,town,tags\n" + "\n".join(rows()) + "\n")
    imports.start(draft, by=SYSTEM, in_background=False)

    dying = DYING_IN_A_CHUNK.format(chunk=CHUNK, import_id=draft.pk)
    with process(["-c", dying], environment) as worker:
        assert worker.wait(60) == -signal.SIGKILL
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

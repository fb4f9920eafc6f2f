"""Imports of the same people at the same moment, and programs that write them meanwhile."""

from dataclasses import replace

import pytest
from django.db import connection, transaction

from accounts.actors import SYSTEM
from audience import fields, import_staging, imports
from audience.import_rows import Row
from audience.import_writing import Overtaken, terms_of
from audience.models import ConsentEvent, Import, Subscriber, Subscription
from audience.subscriptions import subscribe
from tests.audience.importing import chunks_of, counts, import_file, upload
from tests.factories import MailingListFactory
from tests.races import at_once, race

Status = Import.Status


@race
@pytest.mark.parametrize("same", [True, False])
def test_two_workers_on_one_import_or_two_imports_of_one_file_do_each_row_once(same, monkeypatch):
    chunks_of(monkeypatch, 20)
    mailing_list = MailingListFactory()
    content = "email,phone\n" + "".join(f"r{n}@example.com,\n,+45200{n:05}\n" for n in range(200))
    drafts = [upload(mailing_list, content) for _ in range(1 if same else 2)]
    for draft in drafts:
        imports.start(draft, by=SYSTEM, in_background=False)

    at_once(*[lambda pk=pk: imports.run(pk) for pk in (drafts[0].pk, drafts[-1].pk)])

    assert Subscriber.objects.count() == Subscription.objects.count() == 400
    assert {each.status for each in Import.objects.all()} == {Status.COMPLETED}
    assert all(sum(counts(each)) == 400 for each in Import.objects.all())


@race
@pytest.mark.parametrize("addressed", ["email", "phone"])
def test_an_import_and_programs_that_write_the_same_people_neither_double_nor_lose_anybody(addressed, monkeypatch):
    chunks_of(monkeypatch, 50)
    mailing_list = MailingListFactory()
    fields.create(mailing_list.organization, key="town")
    addresses = [f"r{n}@example.com" if addressed == "email" else f"+45200{n:05}" for n in range(200)]
    draft = upload(mailing_list, f"{addressed},town\n" + "".join(f"{each},Ulm\n" for each in addresses))
    imports.start(draft, by=SYSTEM, in_background=False)

    def write(order):
        for each in order:
            subscribe(mailing_list, **{addressed: each}, source="api")

    at_once(lambda: imports.run(draft.pk), lambda: write(addresses), lambda: write(addresses[::-1]))

    done = Import.objects.get()
    assert (done.status, sum(counts(done)), done.refused) == (Status.COMPLETED, 200, 0)
    assert Subscriber.objects.count() == Subscription.objects.count() == 200
    assert set(Subscriber.objects.values_list("fields__town", flat=True)) == {"Ulm"}
    assert Subscription.objects.filter(source="import").count() == done.added
    assert ConsentEvent.objects.count() == 200


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one way only")
def test_what_somebody_else_adds_over_and_over_goes_the_slow_way(news, monkeypatch):
    def overtaken(*arguments):
        raise Overtaken

    monkeypatch.setattr(import_staging, "write", overtaken)

    done = import_file(news, "email,town\nann@example.com,Ulm\nann@example.com,Bonn\n")

    assert (counts(done), Subscriber.objects.get().fields) == ((1, 1, 0, 0), {"town": "Bonn"})


@race
def test_lines_of_the_log_name_nobody_where_who_started_the_import_is_deleted_meanwhile():
    draft = upload(MailingListFactory(), "email\nann@example.com\n")
    imports.start(draft, by=SYSTEM, in_background=False)
    terms = replace(terms_of(draft), by_id=4711)

    with transaction.atomic():
        import_staging.write(terms, [Row(2, "ann@example.com")])

    assert ConsentEvent.objects.get().by_id is None

"""Imports of CSV files into a list."""

import csv
import io
import threading
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actors import SYSTEM
from audience import erased, fields, import_chunks, import_staging, imports, suppressions, tasks
from audience.errors import ImportRefused, NotAllowed
from audience.import_writing import Overtaken
from audience.models import (
    ConsentEvent,
    Erasure,
    Import,
    Subscriber,
    SubscriberTag,
    Subscription,
    TaggedSubscription,
)
from audience.subscriptions import subscribe
from tests.conftest import acting
from tests.factories import EditionFactory, MailingListFactory, SubscriberFactory, SubscriptionFactory

Status = Import.Status


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def news(organization):
    mailing_list = MailingListFactory(organization=organization, name="News")
    fields.create(organization, key="town", name="Town")
    fields.create(organization, key="age", name="Age", kind="number")
    fields.create(organization, key="size", name="Size", kind="choice", choices=["S", "M"], mailing_list=mailing_list)
    return mailing_list


def upload(mailing_list, content, **settings):
    content = content if isinstance(content, bytes) else content.encode()
    return imports.create(mailing_list, ContentFile(content, name="people.csv"), by=SYSTEM, **settings)


def import_file(mailing_list, content, **settings):
    """The import of this file, run to its end."""
    draft = upload(mailing_list, content, **settings)
    imports.start(draft, by=SYSTEM)
    done = imports.run(draft.pk)
    assert done.status == Status.COMPLETED, done.status_reason
    assert done.added + done.changed + done.unchanged + done.refused == done.rows_total == done.rows_done
    return done


def counts(file_import):
    return (file_import.added, file_import.changed, file_import.unchanged, file_import.refused)


def refusals(file_import):
    """(row number, reason) of each refused row, as the error file tells them."""
    with file_import.error_file.open("rb") as file:
        rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))
    return [(int(number), reason) for number, reason, *_ in rows[1:]]


# --- the plain way -----------------------------------------------------------------------------------------------


def test_people_are_added_with_the_values_of_their_columns(news):
    done = import_file(news, "Email;Phone number;Town;Size;Notes\nAnn@Example.com;+45 20 12 34 56;Ulm;m;hello\n")

    row = Subscription.objects.select_related("subscriber").get()
    person = row.subscriber
    assert counts(done) == (1, 0, 0, 0)
    assert (person.email, person.phone, person.fields) == ("ann@example.com", "+4520123456", {"town": "Ulm"})
    assert (row.mailing_list, row.status, row.source, row.fields) == (news, "subscribed", "import", {"size": "M"})
    assert row.subscribed_at is not None
    assert (done.started_at is not None, done.finished_at is not None, done.error_file.name) == (True, True, "")


def test_importing_the_same_file_again_changes_nothing(news):
    content = "email,town\n" + "".join(f"r{n}@example.com,Ulm\n" for n in range(5))
    import_file(news, content)
    before = list(Subscription.objects.values()), list(Subscriber.objects.values())

    again = import_file(news, content)

    assert counts(again) == (0, 0, 5, 0)
    assert (list(Subscription.objects.values()), list(Subscriber.objects.values())) == before


def test_people_on_the_list_are_updated_and_empty_cells_leave_what_is_known(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm", "age": 5, "size": "S"}, source="page")

    done = import_file(news, "email,town,age,size\nann@example.com,Bonn,,M\n")

    row = Subscription.objects.select_related("subscriber").get()
    assert counts(done) == (0, 1, 0, 0)
    assert (row.subscriber.fields, row.fields, row.source) == ({"town": "Bonn", "age": 5}, {"size": "M"}, "page")


def test_people_on_the_list_can_be_left_as_they_are(news, organization):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm"}, source="page")
    SubscriberFactory(organization=organization, email="bob@example.com", fields={"town": "Ulm"})

    done = import_file(news, "email,town,age\nann@example.com,Bonn,6\nbob@example.com,Bonn,7\n", on_conflict="skip")

    assert counts(done) == (1, 0, 1, 0)
    assert Subscriber.objects.get(email="ann@example.com").fields == {"town": "Ulm"}
    assert Subscriber.objects.get(email="bob@example.com").fields == {"town": "Ulm", "age": 7}


def test_a_person_of_the_organization_is_not_doubled(news, organization):
    person = SubscriberFactory(organization=organization, email="ann@example.com")
    other_tenant = SubscriberFactory(email="ann@example.com")

    import_file(news, "email\nANN@example.com\n")

    assert list(person.subscriptions.values_list("mailing_list", flat=True)) == [news.pk]
    assert not other_tenant.subscriptions.exists()
    assert Subscriber.objects.count() == 2


def test_people_may_be_known_by_a_phone_number_only(news, organization):
    known = SubscriberFactory(organization=organization, email="ann@example.com", phone="+4520000001")
    content = "phone,town\n20 00 00 01,Ulm\n20 00 00 02,Bonn\n+4520000002,Bonn\n"

    done = import_file(news, content, country_code="+45")
    again = import_file(news, content.replace("Bonn", "Köln"), country_code="+45")

    assert counts(done) == (2, 0, 1, 0)
    assert counts(again) == (0, 1, 2, 0)
    assert known.subscriptions.exists()
    assert Subscriber.objects.get(email=None).fields == {"town": "Köln"}


# --- consent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_conflict", ["update", "skip"])
@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "unconfirmed"])
def test_an_import_changes_nobodys_subscription_status(news, status, on_conflict):
    row = subscribe(news, email="ann@example.com", source="page", status=status)

    done = import_file(news, "email,town\nann@example.com,Ulm\n", on_conflict=on_conflict)

    row.refresh_from_db()
    assert (row.status, row.source) == (status, "page")
    assert done.added == 0
    assert done.kept_out == (status != "unconfirmed")


def test_an_import_lifts_no_suppression(news, organization):
    suppressions.suppress(organization=organization, kind="email", value="ann@example.com", reason="complained")

    import_file(news, "email\nann@example.com\n")

    assert suppressions.check(organization, "ann@example.com") is not None


def test_the_evidence_of_consent_is_kept_with_the_subscription_and_in_the_log(news, bob):
    agreed = now() - timedelta(days=40)
    draft = imports.create(
        news,
        ContentFile(
            b"email,opt-in date,ip,where\nann@example.com,2026-03-31 14:05,2001:DB8::1,shop\nbob@example.com,,,\n"
        ),
        file_name="people.csv",
        by=acting(bob),
        consent_at=agreed,
        consent_ip_address="192.0.2.7",
        consent_source="fair-2026",
        consent_wording="Send me news.",
    )
    imports.start(draft, by=acting(bob), mapping=draft.mapping | {"3": "subscription.source"})
    imports.run(draft.pk)

    ann, other = Subscription.objects.order_by("subscriber__email")
    moment = datetime(2026, 3, 31, 14, 5, tzinfo=ZoneInfo(news.organization.timezone))
    assert (ann.subscribed_at, ann.ip_address, ann.source) == (moment, "2001:db8::1", "shop")
    assert (other.subscribed_at, other.ip_address, other.source) == (agreed, "192.0.2.7", "fair-2026")
    for row in (ann, other):
        event = ConsentEvent.objects.get(subscriber=row.subscriber_id)
        assert (event.at, event.ip_address, event.source) == (row.subscribed_at, row.ip_address, row.source)
        assert (event.kind, event.mailing_list, event.list_name) == ("subscribed", news, "News")
        assert (event.wording, event.by) == ("Send me news.", bob)


def test_people_who_are_on_the_list_already_get_no_second_line_in_the_log(news):
    import_file(news, "email\nann@example.com\n")

    import_file(news, "email,town\nann@example.com,Ulm\nbob@example.com,Ulm\nbob@example.com,Bonn\n")

    assert ConsentEvent.objects.count() == 2


def test_unconfirmed_people_wait_for_the_confirmation_mail_unless_they_are_suppressed(news, organization):
    subscribe(news, email="old@example.com", source="page", status="subscribed")
    suppressions.suppress(organization=organization, kind="domain", value="example.org")
    content = "email,phone\nann@example.com,\nbob@mail.example.org,\n,+4520000001\nold@example.com,\n"

    import_file(news, content, opt_in_status="unconfirmed")

    rows = Subscription.objects.order_by("subscriber__email", "subscriber__phone").select_related("subscriber")
    found = {row.subscriber.email: (row.status, row.confirmation_due_at is not None, row.subscribed_at) for row in rows}
    assert found.pop("old@example.com")[:2] == ("subscribed", False)
    assert found == {
        "ann@example.com": ("unconfirmed", True, None),
        "bob@mail.example.org": ("unconfirmed", False, None),
        None: ("unconfirmed", False, None),
    }
    assert (
        list(ConsentEvent.objects.filter(kind="requested").values_list("subscriber__email", flat=True)).count(
            "ann@example.com"
        )
        == 1
    )


def test_whoever_was_erased_is_kept_out(news, organization):
    Erasure.objects.create(organization=organization, email_hash=erased.hashed(organization, "ann@example.com"))
    content = "email\nANN@example.com\nbob@example.com\n"

    trial = imports.dry_run(upload(news, content))
    done = import_file(news, content)

    assert counts(done) == (1, 0, 0, 1)
    assert (trial.counts.added, trial.counts.refused) == (1, 1)
    ((number, why),) = refusals(done)
    assert (number, "was erased" in why) == (2, True)
    assert not Subscriber.objects.filter(email="ann@example.com").exists()


# --- tags and what is missing ------------------------------------------------------------------------------------


def test_tags_are_put_on_people_and_none_is_taken_away(news):
    import_file(news, "email,tags\nann@example.com,vip|press\nbob@example.com,\n")

    done = import_file(news, "email,tags\nann@example.com,vip\nbob@example.com,press;  new ;press\n")
    skipped = import_file(news, "email,tags\nann@example.com,new\ncat@example.com,new\n", on_conflict="skip")

    tags = {each.subscriber.email: {tag.tag.name for tag in each.tagged.all()} for each in Subscription.objects.all()}
    assert (counts(done), counts(skipped)) == ((0, 1, 1, 0), (1, 0, 1, 0))
    assert tags == {
        "ann@example.com": {"vip", "press"},
        "bob@example.com": {"press", "new"},
        "cat@example.com": {"new"},
    }
    assert SubscriberTag.objects.count() == 3


def test_only_what_is_missing_can_be_filled_in(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm", "size": "S"}, source="page")

    done = import_file(
        news,
        "email,phone,town,age,size\nann@example.com,+4520000001,Bonn,5,M\nann@example.com,+4520000002,,6,\n",
        on_conflict="fill",
    )

    row = Subscription.objects.select_related("subscriber").get()
    assert counts(done) == (0, 1, 1, 0)
    assert (row.subscriber.phone, row.subscriber.fields, row.fields) == (
        "+4520000001",
        {"town": "Ulm", "age": 5},
        {"size": "S"},
    )


def test_what_stands_in_a_value_comes_through_unchanged(news):
    odd = 'back\\slash \\N \\t "quoted" \u00fc\U0001f600 {}'
    buffer = io.StringIO()
    csv.writer(buffer).writerows([("email", "town", "tags", "consent source"), ("a'b@example.com", odd, odd[:20], odd)])

    import_file(news, buffer.getvalue())

    row = Subscription.objects.select_related("subscriber").get()
    assert (row.subscriber.email, row.subscriber.fields, row.source) == ("a'b@example.com", {"town": odd}, odd)
    assert row.tagged.get().tag.name == odd[:20].strip()


# --- rows that repeat and rows that are refused ------------------------------------------------------------------


def test_rows_that_repeat_an_address_are_taken_in_order_and_counted(news):
    done = import_file(news, "email,town\nann@example.com,Ulm\nANN@example.com,Bonn\nann@example.com,Bonn\n")

    assert counts(done) == (1, 1, 1, 0)
    assert done.repeated == 2
    assert Subscriber.objects.get().fields == {"town": "Bonn"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"nonsense,Ulm,5", "not an email address"),
        (b",Ulm,5", "neither an email address nor a phone"),
        (b"bad@example.com", "The row has 1 column, the first row of the file has 3"),
        (b"bad@example.com,Ulm,5,6", "The row has 4 columns"),
        (b"bad@example.com,Ulm,five", "Age: "),
        (b"bad@example.com,\xff\xfe,5", "no letters in the encoding"),
        (b"bad\x00@example.com,Ulm,5", "not an email address"),
        (b"bad@example.com,U\x00lm,5", "Town: "),
        (b'"bad@example.com\r\nBcc: all@example.com",Ulm,5', "not an email address"),
        (b'bad@example.com,"Ulm\r\nBcc: all@example.com",5', "Town: "),
        (b'bad@example.com,"Ulm,5', "quotation marks"),
        (b"bad@example.com," + b"x" * 1001 + b",5", "longer than"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_reason_and_nothing_else_is_lost(news, row, reason):
    around = "Köln".encode()
    content = b"email,town,age\nann@example.com," + around + b",1\n" + row + b"\nbob@example.com," + around + b",2\n"

    done = import_file(news, content)

    assert counts(done) == (2, 0, 0, 1)
    ((number, why),) = refusals(done)
    assert number == 3
    assert reason in why
    assert set(Subscriber.objects.values_list("email", "fields__town")) == {
        ("ann@example.com", "Köln"),
        ("bob@example.com", "Köln"),
    }


@pytest.mark.parametrize(
    ("heading", "cell", "reason"),
    [
        ("subscribed_at", "yesterday", "not a date or time of consent"),
        ("subscribed_at", "2099-01-01", "lies in the future"),
        ("ip_address", "10.0.0.256", "not an IP address"),
        ("consent_source", "x" * 65, "longer than 64"),
        ("tags", "x" * 101, "cannot be a tag"),
        ("tags", "a|b\x07", "cannot be a tag"),
        ("tags", "|".join(map(str, range(51))), "51 tags"),
    ],
)
def test_evidence_and_tags_that_make_no_sense_are_refused(news, heading, cell, reason):
    done = import_file(news, f"email,{heading}\nann@example.com,{cell}\nbob@example.com,\n")

    assert counts(done) == (1, 0, 0, 1)
    assert reason in refusals(done)[0][1]


def test_the_error_file_repeats_the_row_and_holds_no_formula(news):
    done = import_file(news, 'email,town\n=cmd(),"a ""b"""\n')

    with done.error_file.open("rb") as file:
        rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))
    assert rows[0] == ["row", "reason", "email", "town"]
    assert rows[1][0] == "2"
    assert rows[1][2:] == ["'=cmd()", 'a "b"']


def test_cells_beyond_the_last_column_may_be_empty(news):
    done = import_file(news, "email,town\nann@example.com,Ulm,,\n,,,\n")

    assert counts(done) == (1, 0, 0, 0)


def test_a_file_without_a_header_is_read_from_its_first_row(news):
    done = import_file(news, "ann@example.com\nbob@example.com\n")

    assert counts(done) == (2, 0, 0, 0)


# --- looking before starting -------------------------------------------------------------------------------------


def test_a_preview_shows_the_first_rows_and_guesses_the_columns(news):
    content = "E-Mail,Vorname,town,Mobil,AGE,Code\n" + "ann@example.com,Ann,Ulm,+4520000001,5,12345\n" * 20

    seen = imports.preview(upload(news, content))

    assert [(column.heading, column.target) for column in seen.columns] == [
        ("E-Mail", "email"),
        ("Vorname", ""),
        ("town", "town"),
        ("Mobil", "phone"),
        ("AGE", "age"),
        ("Code", ""),
    ]
    assert seen.columns[1].samples == ["Ann", "Ann", "Ann"]
    assert len(seen.rows) == 10


def test_columns_without_a_telling_heading_are_guessed_by_what_stands_in_them(news):
    draft = upload(news, "Wie,Was,Wo\nann@example.com,x,+4520000001\nbob@example.com,y,+4520000002\n")

    assert draft.mapping == {"0": "email", "2": "phone"}


def test_a_trial_run_says_what_would_happen_and_writes_nothing(news):
    subscribe(news, email="ann@example.com", fields={"town": "Ulm"}, source="page", status="unsubscribed")
    draft = upload(news, "email,town\nann@example.com,Bonn\nbob@example.com,\nbob@example.com,\nnonsense,\n")

    trial = imports.dry_run(draft)
    short = imports.dry_run(draft, limit=2)

    found = trial.counts
    assert (found.added, found.changed, found.unchanged, found.refused, found.kept_out) == (1, 1, 1, 1, 1)
    assert (trial.repeated, trial.is_complete, trial.refusals[0].number) == (1, True, 5)
    assert (short.counts.rows, short.is_complete) == (2, False)
    assert Subscriber.objects.count() == 1
    assert draft.status == Status.DRAFT


def test_the_country_code_of_the_edition_completes_phone_numbers(organization):
    edition = EditionFactory(organization=organization, default_country_code="+45")

    draft = upload(MailingListFactory(organization=organization, edition=edition), "phone\n20 00 00 01\n")

    assert draft.country_code == "+45"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mapping": {}},
        {"mapping": {"1": "town"}},
        {"mapping": {"0": "email", "1": "email"}},
        {"mapping": {"0": "email", "1": "shoes"}},
        {"on_conflict": "explode"},
        {"delimiter": "x"},
        {"encoding": "no-such-encoding"},
        {"status": "completed"},
        {"opt_in_status": "bounced"},
        {"consent_at": now() + timedelta(days=3)},
        {"consent_ip_address": "somewhere"},
        {"consent_source": "x" * 65},
        {"consent_wording": "x" * 10_001},
    ],
)
def test_an_import_that_is_not_set_up_does_not_start(news, wrong):
    draft = upload(news, "email,town\nann@example.com,Ulm\n")

    with pytest.raises(ImportRefused):
        imports.start(draft, by=SYSTEM, **wrong)

    assert Import.objects.get().status == Status.DRAFT


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_what_is_no_csv_makes_no_import(news, content):
    with pytest.raises(ImportRefused):
        upload(news, content)

    assert not Import.objects.exists()


def test_only_members_who_may_write_import_and_cancel(news, bob, victor, charlie):
    draft = imports.create(news, ContentFile(b"email\nann@example.com\n", name="x.csv"), by=acting(bob))

    for stranger in (victor, charlie):
        for act in (imports.start, imports.cancel, imports.set_up):
            with pytest.raises(NotAllowed):
                act(draft, by=acting(stranger))
        with pytest.raises(NotAllowed):
            imports.create(news, ContentFile(b"email\nann@example.com\n", name="x.csv"), by=acting(stranger))
    assert draft.created_by == bob


# --- the background ----------------------------------------------------------------------------------------------


def chunks_of(monkeypatch, rows):
    monkeypatch.setattr(import_chunks, "ROWS", rows)
    monkeypatch.setattr(import_staging, "ROWS", rows)


@pytest.fixture
def small_chunks(monkeypatch):
    chunks_of(monkeypatch, 3)


MANY = "email,town\n" + "".join(f"r{n % 8}@example.com,Town {n}\n" for n in range(10)) + "nonsense,x\n"


def test_starting_queues_the_work_once(news, django_capture_on_commit_callbacks):
    draft = upload(news, MANY)

    with django_capture_on_commit_callbacks(execute=True):
        imports.start(draft, by=SYSTEM)
    with pytest.raises(ImportRefused):
        imports.start(draft, by=SYSTEM)

    draft.refresh_from_db()
    assert (draft.status, counts(draft)) == (Status.COMPLETED, (8, 2, 0, 1))


@pytest.mark.parametrize("crash_at", [0, 1, 2, 3])
@pytest.mark.parametrize("written", [True, False])
def test_an_import_that_crashed_goes_on_without_losing_or_doubling_a_row(
    news, small_chunks, monkeypatch, crash_at, written
):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    healthy, calls = imports._write, []

    def crashing(*arguments):
        calls.append(None)
        if len(calls) <= crash_at:
            return healthy(*arguments)
        if written:
            healthy(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(imports, "_write", crashing)
        with pytest.raises(KeyboardInterrupt):
            imports.run(draft.pk)
    half_way = Import.objects.get()
    assert half_way.rows_done == crash_at * 3
    assert sum(counts(half_way)) == half_way.rows_done

    done = imports.run(draft.pk)

    assert (done.status, counts(done), done.rows_done) == (Status.COMPLETED, (8, 2, 0, 1), 11)
    assert Subscriber.objects.get(email="r0@example.com").fields == {"town": "Town 8"}
    assert Subscription.objects.count() == 8


def test_an_import_gives_others_their_turn(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    slices = []
    while imports.run(draft.pk, seconds=0).status in imports.AT_WORK:
        slices.append(Import.objects.get().rows_done)

    assert slices == [3, 6, 9]
    assert counts(Import.objects.get()) == (8, 2, 0, 1)


def test_the_task_runs_slice_after_slice(news, small_chunks, monkeypatch):
    monkeypatch.setattr(imports, "SLICE_SECONDS", 0.0)
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    tasks.run_import(draft.pk)

    assert Import.objects.get().status == Status.COMPLETED


def test_running_what_is_over_or_unknown_does_nothing(news):
    done = import_file(news, MANY)
    SubscriberFactory.create_batch(1)

    assert counts(imports.run(done.pk)) == counts(done)
    assert imports.run(done.pk + 1) is None


def test_progress_is_told_after_every_chunk(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    told = []

    imports.run(draft.pk, progress=lambda at: told.append((at.status, at.rows_done, at.rows_total)))

    assert told[:3] == [("running", 0, 11), ("running", 3, 11), ("running", 6, 11)]
    assert told[-1] == ("completed", 11, 11)


def test_cancelling_stops_before_the_next_chunk_and_keeps_what_is_done(news, small_chunks):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)

    def cancel_at_six(at):
        if at.rows_done == 6 and at.status == Status.RUNNING:
            imports.cancel(Import.objects.get(), by=SYSTEM)

    imports.run(draft.pk, progress=cancel_at_six)

    stopped = Import.objects.get()
    assert (stopped.status, stopped.rows_done, stopped.added) == (Status.CANCELLED, 6, 6)
    assert Subscription.objects.count() == 6
    with pytest.raises(ImportRefused):
        imports.cancel(stopped, by=SYSTEM)


def test_a_field_that_is_gone_fails_the_import_with_its_reason(news, organization):
    draft = upload(news, "email,town\nann@example.com,Ulm\n")
    imports.start(draft, by=SYSTEM)
    organization.custom_fields.get(key="town").delete()

    failed = imports.run(draft.pk)

    assert failed.status == Status.FAILED
    assert "town" in failed.status_reason


def test_a_file_that_is_gone_fails_the_import_with_its_reason(news):
    draft = upload(news, MANY)
    imports.start(draft, by=SYSTEM)
    draft.file.storage.delete(draft.file.name)

    assert "upload it again" in imports.run(draft.pk).status_reason


def test_what_a_killed_worker_left_behind_is_queued_again(news, django_capture_on_commit_callbacks):
    stalled, fresh, over = (upload(news, MANY) for _ in range(3))
    for draft in (stalled, fresh):
        imports.start(draft, by=SYSTEM)
    Import.objects.filter(pk__in=[stalled.pk, over.pk]).update(modified_at=now() - timedelta(hours=1))

    assert tasks.sweep_imports() == 1

    assert {each.pk: each.status for each in Import.objects.all()} == {
        stalled.pk: Status.COMPLETED,
        fresh.pk: Status.QUEUED,
        over.pk: Status.DRAFT,
    }


def test_the_number_of_statements_does_not_grow_with_the_rows(news, django_assert_max_num_queries):
    def content(rows):
        return "email,town,size\n" + "".join(f"r{n}@example.com,Ulm,S\n" for n in range(rows))

    draft = upload(news, content(1000))
    imports.start(draft, by=SYSTEM)
    with django_assert_max_num_queries(60):
        imports.run(draft.pk)

    assert Subscription.objects.count() == 1000


# --- against a slow and obvious way ------------------------------------------------------------------------------

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "a@x.org", "B@x.org", "c@x.org", "bad"]),
        st.sampled_from(["", "", "+4520000001", "+4520000002", "1"]),
        st.sampled_from(["", "Ulm", "Bonn"]),
        st.sampled_from(["", "S", "M", "XL"]),
        st.sampled_from(["", "vip", "vip|new"]),
    ),
    max_size=12,
)
KNOWN = st.dictionaries(
    st.sampled_from(["a@x.org", "b@x.org"]),
    st.tuples(
        st.sampled_from(["", "Ulm"]), st.sampled_from([None, "subscribed", "unsubscribed"]), st.sampled_from(["", "S"])
    ),
)


def one_by_one(mailing_list, rows, *, on_conflict):
    """What an import ought to do, a row and a statement at a time; its counts."""
    found, update = [0, 0, 0, 0], on_conflict == "update"
    for email, phone, town, size, tags in rows:
        if not any((email, phone, town, size, tags)):
            continue
        if (not email and not phone) or email == "bad" or phone == "1" or size == "XL":
            found[3] += 1
            continue
        people = Subscriber.objects.filter(organization=mailing_list.organization)
        person = people.filter(email=email.lower()).first() if email else _known_by(people, phone)
        new = person is None
        person = person or Subscriber(organization=mailing_list.organization, email=email.lower() or None, phone=phone)
        row = None if new else person.subscriptions.filter(mailing_list=mailing_list).first()
        before = (person.phone, dict(person.fields), dict(row.fields) if row else None)
        if on_conflict != "skip" or row is None:
            if phone and (update or not person.phone):
                person.phone = phone
            if town and (update or "town" not in person.fields):
                person.fields["town"] = town
            person.save()
        if row is None:
            row = Subscription.objects.create(
                mailing_list=mailing_list, subscriber=person, source="import", fields={"size": size} if size else {}
            )
            _tag(row, tags)
            found[0] += 1
            continue
        tagged = False
        if on_conflict != "skip":
            if size and (update or "size" not in row.fields):
                row.fields["size"] = size
                row.save()
            tagged = _tag(row, tags)
        found[1 if tagged or (person.phone, person.fields, row.fields) != before else 2] += 1
    return tuple(found)


def _tag(row, tags):
    done = []
    for name in filter(None, tags.split("|")):
        tag, _ = SubscriberTag.objects.get_or_create(mailing_list=row.mailing_list, name=name)
        done.append(TaggedSubscription.objects.get_or_create(tag=tag, subscription=row)[1])
    return any(done)


def _known_by(people, phone):
    same = people.filter(phone=phone).order_by("pk")
    return same.filter(email=None).first() or same.first()


def everything(mailing_list):
    people = Subscriber.objects.filter(organization=mailing_list.organization).order_by("email", "phone")
    rows = Subscription.objects.filter(mailing_list=mailing_list).order_by("subscriber__email", "subscriber__phone")
    tags = TaggedSubscription.objects.filter(tag__mailing_list=mailing_list)
    return (
        list(people.values_list("email", "phone", "fields")),
        list(rows.values_list("subscriber__email", "subscriber__phone", "status", "fields")),
        sorted(tags.values_list("subscription__subscriber__email", "tag__name"), key=str),
    )


@pytest.mark.django_db
@given(KNOWN, ROWS, st.sampled_from(["update", "skip", "fill"]), st.sampled_from([2, 5, 12]))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_an_import_does_what_the_slow_and_obvious_way_does(known, rows, on_conflict, chunk):
    with transaction.atomic():
        lists = [MailingListFactory() for _ in range(2)]
        for mailing_list in lists:
            fields.create(mailing_list.organization, key="town")
            fields.create(
                mailing_list.organization, key="size", kind="choice", choices=["S", "M"], mailing_list=mailing_list
            )
            for email, (town, status, size) in known.items():
                person = SubscriberFactory(
                    organization=mailing_list.organization, email=email, fields={"town": town} if town else {}
                )
                if status:
                    SubscriptionFactory(
                        mailing_list=mailing_list,
                        subscriber=person,
                        status=status,
                        unsubscribed_at=now(),
                        fields={"size": size} if size else {},
                    )
        buffer = io.StringIO()
        csv.writer(buffer).writerows([("email", "phone", "town", "size", "tags"), *rows])

        expected = one_by_one(lists[0], rows, on_conflict=on_conflict)
        with pytest.MonkeyPatch.context() as patched:
            chunks_of(patched, chunk)
            done = import_file(lists[1], buffer.getvalue(), on_conflict=on_conflict)

        assert counts(done) == expected
        assert everything(lists[1]) == everything(lists[0])
        transaction.set_rollback(True)


# --- two at once -------------------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_two_workers_on_one_import_or_two_imports_of_one_file_do_each_row_once(same, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one writer in at a time")
    chunks_of(monkeypatch, 20)
    mailing_list = MailingListFactory()
    content = "email,phone\n" + "".join(f"r{n}@example.com,\n,+45200{n:05}\n" for n in range(200))
    drafts = [upload(mailing_list, content) for _ in range(1 if same else 2)]
    for draft in drafts:
        imports.start(draft, by=SYSTEM)
    Import.objects.update(status=Status.QUEUED, rows_done=0, added=0, unchanged=0, finished_at=None)
    Subscription.objects.all().delete()
    Subscriber.objects.all().delete()
    gate, failures = threading.Barrier(2), []

    def work(pk):
        try:
            gate.wait(timeout=10)
            imports.run(pk)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[drafts[at % len(drafts)].pk]) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failures == []
    assert Subscriber.objects.count() == Subscription.objects.count() == 400
    assert {each.status for each in Import.objects.all()} == {Status.COMPLETED}
    assert all(sum(counts(each)) == 400 for each in Import.objects.all())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("addressed", ["email", "phone"])
def test_an_import_and_programs_that_write_the_same_people_neither_double_nor_lose_anybody(addressed, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one writer in at a time")
    chunks_of(monkeypatch, 50)
    mailing_list = MailingListFactory()
    fields.create(mailing_list.organization, key="town")
    addresses = [f"r{n}@example.com" if addressed == "email" else f"+45200{n:05}" for n in range(200)]
    draft = upload(mailing_list, f"{addressed},town\n" + "".join(f"{each},Ulm\n" for each in addresses))
    imports.start(draft, by=SYSTEM, in_background=False)
    gate, failures = threading.Barrier(3), []

    def work(act):
        try:
            gate.wait(timeout=30)
            act()
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    def write(order):
        for each in order:
            subscribe(mailing_list, **{addressed: each}, source="api")

    acts = [lambda: imports.run(draft.pk), lambda: write(addresses), lambda: write(addresses[::-1])]
    threads = [threading.Thread(target=work, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    done = Import.objects.get()
    assert failures == []
    assert (done.status, sum(counts(done)), done.refused) == (Status.COMPLETED, 200, 0)
    assert Subscriber.objects.count() == Subscription.objects.count() == 200
    assert set(Subscriber.objects.values_list("fields__town", flat=True)) == {"Ulm"}
    assert Subscription.objects.filter(source="import").count() == done.added
    assert ConsentEvent.objects.count() == 200


@pytest.mark.postgres
@pytest.mark.django_db
def test_what_somebody_else_adds_over_and_over_goes_the_slow_way(news, monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip("there is one way only")

    def overtaken(*arguments):
        raise Overtaken

    monkeypatch.setattr(import_staging, "write", overtaken)

    done = import_file(news, "email,town\nann@example.com,Ulm\nann@example.com,Bonn\n")

    assert (counts(done), Subscriber.objects.get().fields) == ((1, 1, 0, 0), {"town": "Bonn"})

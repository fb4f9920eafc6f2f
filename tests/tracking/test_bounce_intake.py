import io
import os
import sys

import pytest
from django.core.management import call_command
from django.db import OperationalError

from audience.models import Subscriber
from content.tokens import Purpose, recipient_token
from delivery.models import Recipient
from stats.ingest import ingest
from stats.models import Engagement, Event
from tests.factories import OrganizationFactory
from tests.stats.populations import a_run
from tests.tracking import returned_mails as mails
from tests.tracking.returned_mails import dsn, feedback, original
from tracking import spool, strays
from tracking.bounces import intake
from tracking.bounces.return_addresses import return_address
from tracking.models import StrayMail

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return a_run(people=2).recipients.first()


@pytest.fixture(autouse=True)
def verp(settings):
    settings.BOUNCE_ADDRESS = "bounces+*@news.example"


def address_of(reader):
    return return_address(run_id=reader.run_id, recipient_id=reader.pk, default="")


def sent(reader, **about):
    """The header of the message this reader got, as far as `about` does not change it."""
    campaign = reader.run.campaign
    known = {
        "message_id": f"{campaign.public_id}.{reader.run.number}.{reader.pk}@news.example",
        "feedback_id": f"{reader.run_id}:{campaign.public_id}:{campaign.organization.public_id}:broadsheet",
        "token": recipient_token(
            Purpose.UNSUBSCRIBE, run_id=reader.run_id, recipient_id=reader.pk, subscriber_id=reader.subscriber_id
        ),
    }
    return original(reader.address, **(known | about))


def take(raw, **about):
    return intake.take(raw, source="test", **about)


# --- whose it is -------------------------------------------------------------------------------------------------


def test_the_address_a_bounce_came_to_says_whose_it_is(reader):
    (hit,) = take(dsn(), envelope_to=address_of(reader)).hits

    assert (hit.kind, hit.run_id, hit.recipient_id) == ("bounced", reader.run_id, reader.pk)
    assert hit.data | {"key": ""} == {
        "key": "",
        "type": "hard",
        "code": "100",
        "origin": "remote",
        "status": "5.1.1",
        "diagnostic": "550 5.1.1 User unknown",
    }


def test_the_address_is_read_from_the_mail_where_nobody_says_it_and_in_any_case_of_letters(reader):
    (hit,) = take(dsn(envelope=address_of(reader).upper())).hits

    assert hit.recipient_id == reader.pk


def test_a_return_address_fits_a_mailbox_and_is_the_plain_one_without_a_star(settings):
    longest = return_address(run_id=2**63 - 1, recipient_id=2**63 - 1, default="")
    assert len(longest.partition("@")[0]) <= 64

    settings.BOUNCE_ADDRESS = "bounces@news.example"
    assert return_address(run_id=1, recipient_id=1, default="post@news.example") == "bounces@news.example"
    settings.BOUNCE_ADDRESS = ""
    assert return_address(run_id=1, recipient_id=1, default="post@news.example") == "post@news.example"


def test_a_forged_address_is_nobodys(reader):
    word = address_of(reader).removeprefix("bounces+").partition("@")[0]
    forged = ("b" if word[8] != "b" else "c").join([word[:8], word[9:]])

    assert take(dsn(), envelope_to=f"bounces+{forged}@news.example").hits == ()


def test_the_unsubscribe_link_of_the_returned_message_says_whose_it_is(reader):
    (hit,) = take(dsn(returned=sent(reader))).hits

    assert (hit.recipient_id, hit.subscriber_id) == (reader.pk, reader.subscriber_id)


def test_the_id_of_the_message_counts_with_the_address_it_went_to(reader):
    unsigned = sent(reader, token="none")

    assert [hit.recipient_id for hit in take(dsn(to=reader.address, returned=unsigned)).hits] == [reader.pk]
    assert take(dsn(to="victim@reader.example", returned=unsigned)).hits == ()


def test_the_feedback_id_counts_with_the_address_it_went_to(reader):
    unsigned = sent(reader, token="none", message_id="changed@on.the.way.example")

    assert [hit.recipient_id for hit in take(dsn(to=reader.address, returned=unsigned)).hits] == [reader.pk]
    assert take(dsn(to="victim@reader.example", returned=unsigned)).hits == ()


def test_an_address_alone_counts_for_nobody_unless_that_is_set(reader, settings, django_assert_max_num_queries):
    Recipient.objects.update(settled_at="2026-11-20T09:00Z")
    settings.BOUNCE_MATCH_DAYS = 0
    assert take(dsn(to=reader.address)).hits == ()

    settings.BOUNCE_MATCH_DAYS = 36500
    with django_assert_max_num_queries(5):
        (hit,) = take(dsn(to=reader.address)).hits
    assert hit.recipient_id == reader.pk


def test_an_address_that_two_organizations_wrote_to_is_nobodys(reader, settings):
    settings.BOUNCE_MATCH_DAYS = 36500
    other = a_run(people=1, organization=OrganizationFactory()).recipients.get()
    Subscriber.objects.filter(pk=other.subscriber_id).update(email=reader.address)
    Recipient.objects.filter(pk=other.pk).update(address=reader.address)
    Recipient.objects.update(settled_at="2026-11-20T09:00Z")

    assert take(dsn(to=reader.address)).hits == ()
    assert StrayMail.objects.get().reason == "unmatched"


def test_a_redacted_complaint_is_matched_by_the_link_in_the_message(reader):
    (hit,) = take(feedback(to="redacted@provider.example", returned=sent(reader))).hits

    assert (hit.kind, hit.recipient_id) == ("complained", reader.pk)


# --- counting it once --------------------------------------------------------------------------------------------


def test_a_mail_taken_twice_counts_once(reader):
    raw = dsn()
    for _ in range(2):
        take(raw, envelope_to=address_of(reader))
        ingest()
    take(raw, envelope_to=address_of(reader))
    ingest()

    assert Event.objects.count() == 1
    assert Engagement.objects.get().bounce_type == "hard"


def test_a_bounce_needs_no_database_where_its_address_is_signed(reader, django_assert_num_queries):
    with django_assert_num_queries(0):
        take(dsn(), envelope_to=address_of(reader))


# --- what cannot be counted --------------------------------------------------------------------------------------


def test_what_nobody_can_match_is_kept_and_counted_once():
    for _ in range(2):
        taken = take(dsn())

    stray = StrayMail.objects.get()
    assert (taken.hits, taken.strays) == ((), 1)
    assert (stray.reason, stray.kind, stray.address) == ("unmatched", "bounced", "bob@reader.example")
    assert stray.detail == "550 5.1.1 User unknown"
    assert bytes(stray.raw) == dsn()
    assert strays.unmatched_since(stray.received_at) == {"bounced": 1}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(mails.AWAY, "automatic"), (mails.WARNING, "delayed"), (mails.ANSWER, "no_report")],
    ids=["automatic", "delayed", "no report"],
)
def test_what_reports_nothing_is_kept_and_counts_nowhere(raw, reason, reader):
    taken = take(raw, envelope_to=address_of(reader))

    assert taken.hits == ()
    assert StrayMail.objects.get().reason == reason


def test_a_stray_with_odd_letters_is_kept():
    take(b"Subject: a\0b\xff\r\nFrom: \xff\r\n\r\n\0")

    assert StrayMail.objects.get().reason == "no_report"


def test_the_command_says_how_many_were_kept_and_set_aside(monkeypatch, reader):
    said = io.StringIO()
    for raw in (dsn(envelope=address_of(reader)), b"From: somebody@else.example\n\nHello."):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        call_command("receive_bounce", stdout=said)

    assert said.getvalue().splitlines() == ["1 reports kept, 0 set aside", "0 reports kept, 1 set aside"]


def test_strays_are_forgotten_after_their_days(settings):
    take(mails.ANSWER)
    StrayMail.objects.update(received_at="2026-01-01T00:00Z")
    take(mails.AWAY)

    assert strays.forget_old() == 1
    assert StrayMail.objects.get().reason == "automatic"


# --- the pipe ----------------------------------------------------------------------------------------------------


def pipe(monkeypatch, raw, *arguments):
    """The exit code of the command."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    try:
        call_command("receive_bounce", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    except SystemExit as left:
        return left.code
    return os.EX_OK


def test_a_piped_mail_is_kept(monkeypatch, reader):
    assert pipe(monkeypatch, dsn(), "--to", address_of(reader)) == os.EX_OK
    assert ingest() == 1
    assert Event.objects.get().recipient == reader


def test_the_mail_server_is_asked_to_come_again_while_the_disk_is_full(monkeypatch, reader):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.Spool, "append", full)

    assert pipe(monkeypatch, dsn(), "--to", address_of(reader)) == os.EX_TEMPFAIL


def test_the_mail_server_is_asked_to_come_again_while_the_database_is_away(monkeypatch):
    def away(*args, **options):
        raise OperationalError("the database is away")

    monkeypatch.setattr(StrayMail.objects, "get_or_create", away)

    assert pipe(monkeypatch, dsn()) == os.EX_TEMPFAIL


def test_nothing_piped_is_no_mail(monkeypatch):
    assert pipe(monkeypatch, b"") == os.EX_DATAERR

import io
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError

from stats import ingest as ingesting
from stats import mailbox
from stats.models import Event, StrayHit
from stats.tasks import fetch_bounces
from tests.delivery.servers import own_certificate
from tests.stats.populations import a_run
from tests.tracking import returned_mails as mails
from tests.tracking.imap_server import Store, imap_server
from tests.tracking.returned_mails import dsn
from tracking import spool
from tracking.bounces.mailbox import Account, MailboxTrouble
from tracking.bounces.return_addresses import return_address
from tracking.models import StrayMail

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def verp(settings):
    settings.BOUNCE_ADDRESS = "bounces+*@news.example"


@pytest.fixture
def bounces():
    """Three mails, one for each reader of a run."""
    return [
        dsn(envelope=return_address(run_id=each.run_id, recipient_id=each.pk, default=""))
        for each in a_run(people=3).recipients.all()
    ]


def account(port, **changes):
    known = Account(
        host="127.0.0.1",
        port=port,
        security="none",
        user="bounces",
        password="secret",
        folder="INBOX",
        done_folder="",
    )
    return replace(known, **changes)


def fetch(store, **changes):
    with imap_server(store) as port:
        return mailbox.fetch(account(port, **changes))


def test_mails_are_counted_and_removed(bounces):
    store = Store(*bounces)

    fetched = fetch(store)

    assert (fetched.mails, fetched.reports, fetched.removed, fetched.waiting) == (3, 3, 3, 0)
    assert store.inbox == []
    assert Event.objects.filter(kind="bounced").count() == 3


def test_mails_are_moved_where_somebody_wants_to_keep_them(bounces):
    store = Store(*bounces)
    fetch(store, done_folder="Done")

    assert (store.inbox, store.done) == ([], bounces)


def test_servers_that_know_no_extension_are_enough(bounces):
    store = Store(*bounces, capabilities="")
    fetch(store, done_folder="Done")

    assert (store.inbox, store.done) == ([], bounces)


def test_reading_marks_nothing_as_seen(bounces):
    store = Store(*bounces)
    fetch(store)

    assert all("PEEK" in command for command in store.seen if "FETCH" in command)


def test_a_mail_stays_until_it_is_committed(bounces, monkeypatch):
    """Somebody else ingests at this moment, or the database is away: what is on the disk is not removed."""
    store = Store(*bounces)
    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "ingest", lambda: 0)
        assert fetch(store).waiting == 3
    assert len(store.inbox) == 3

    assert fetch(store).removed == 3
    assert Event.objects.count() == 3


@pytest.mark.parametrize("where", ["UID SEARCH", "UID FETCH 2", "UID STORE", "UID EXPUNGE"])
def test_a_connection_that_breaks_anywhere_loses_and_doubles_nothing(bounces, where):
    store = Store(*bounces)
    store.break_off_at = where
    with pytest.raises(MailboxTrouble):
        fetch(store)

    store.break_off_at = ""
    store.deleted.clear()
    fetch(store)

    assert store.inbox == []
    assert Event.objects.count() == 3


def test_a_kill_after_the_commit_counts_nothing_twice(bounces, monkeypatch):
    store = Store(*bounces)

    class Killed(BaseException):
        """As a signal would end it."""

    def killed(self, numbers):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mailbox.Mailbox, "remove", killed)
        with pytest.raises(Killed):
            fetch(store)
    assert (len(store.inbox), Event.objects.count()) == (3, 3)

    fetch(store)
    assert (store.inbox, Event.objects.count()) == ([], 3)


def test_a_full_disk_removes_nothing(bounces, monkeypatch):
    store = Store(*bounces)

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.Spool, "append", full)
    with pytest.raises((OSError, MailboxTrouble)):
        fetch(store)

    assert len(store.inbox) == 3


def test_what_cannot_be_counted_is_kept_here_and_removed_there():
    store = Store(mails.AWAY, dsn())

    assert fetch(store).strays == 2
    assert store.inbox == []
    assert set(StrayMail.objects.values_list("reason", flat=True)) == {"automatic", "unmatched"}


def test_a_bounce_whose_recipient_is_gone_is_not_read_for_ever(bounces):
    Event.objects.all().delete()
    store = Store(dsn(envelope=return_address(run_id=9, recipient_id=987654, default="")))

    assert fetch(store).removed == 1


def test_a_mailbox_behind_tls_is_read(bounces, tmp_path, monkeypatch):
    server_tls, _ = own_certificate(tmp_path)
    store = Store(*bounces)
    with imap_server(store, tls=server_tls) as port:
        with pytest.raises(MailboxTrouble, match="cannot be opened"):
            mailbox.fetch(account(port, security="tls"))
        assert len(store.inbox) == 3

        monkeypatch.setenv("SSL_CERT_FILE", str(next(tmp_path.glob("*.pem"))))
        mailbox.fetch(account(port, security="tls"))

    assert store.inbox == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"password": "wrong"}, "cannot be opened.*wrong password"), ({"folder": "Nowhere"}, "no folder Nowhere")],
    ids=["password", "folder"],
)
def test_a_mailbox_that_cannot_be_read_says_why(changes, words):
    with pytest.raises(MailboxTrouble, match=words):
        fetch(Store(), **changes)


def test_the_command_and_the_clock_read_the_mailbox_of_the_settings(bounces, settings):
    store, said = Store(*bounces), io.StringIO()
    with imap_server(store) as port:
        settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT = "127.0.0.1", port
        settings.BOUNCE_IMAP_SECURITY, settings.BOUNCE_IMAP_USER = "none", "bounces"
        settings.BOUNCE_IMAP_PASSWORD = "secret"
        call_command("fetch_bounces", stdout=said)
        fetch_bounces()

    assert "3 mails: 3 reports, 0 set aside; 3 removed" in said.getvalue()


def test_without_a_mailbox_nothing_is_done_and_the_command_says_so():
    fetch_bounces()

    with pytest.raises(CommandError, match="BOUNCE_IMAP_HOST"):
        call_command("fetch_bounces")


def test_a_mailbox_that_is_away_is_tried_again_by_the_clock(settings, caplog):
    settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT = "127.0.0.1", 1

    fetch_bounces()

    assert "tried again" in caplog.text


def test_a_database_that_is_away_is_told_of(bounces, settings, monkeypatch):
    def away(*args):
        raise OperationalError("the database is away")

    store = Store(*bounces)
    monkeypatch.setattr(mailbox, "ingest", away)
    with pytest.raises(OperationalError):
        fetch(store)
    assert len(store.inbox) == 3
    assert ingesting.ingest() == 3


def test_a_bounce_that_cannot_be_counted_is_set_aside_and_brought_once(bounces, monkeypatch):
    def refuse(judged):
        raise DataError("this value is not taken")

    monkeypatch.setattr(ingesting.counting, "count", refuse)
    store = Store(bounces[0])

    fetched = fetch(store)

    assert (fetched.removed, fetched.waiting) == (1, 0)
    assert fetch(store).mails == 0
    assert StrayHit.objects.get().reason == "refused"

import smtplib
import socket
import subprocess
import sys
from email.message import EmailMessage

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from delivery import inbox as built_in
from delivery.models import InboxMessage
from tests.factories import OrganizationFactory


def a_mail(**headers):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "post@news.example", "ann@example.com", "Good morning"
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        mail[name.replace("_", "-")] = value
    mail.set_content("Hello\n")
    return mail


def test_a_message_is_stored_before_it_is_accepted(inbox):
    with smtplib.SMTP(*inbox) as client:
        client.send_message(a_mail(Message_ID="<1.2@news.example>"))
        kept = InboxMessage.objects.get()

    assert kept.recipient == "ann@example.com"
    assert kept.sender == "post@news.example"
    assert kept.subject == "Good morning"
    assert kept.message_id == "<1.2@news.example>"
    assert bytes(kept.raw).endswith(b"\r\n\r\nHello\r\n")


def test_the_feedback_id_says_whose_message_it_is(inbox):
    organization = OrganizationFactory()
    with smtplib.SMTP(*inbox) as client:
        client.send_message(a_mail(Feedback_ID=f"7:cmp_x:{organization.public_id}:broadsheet"))
        client.send_message(a_mail(Feedback_ID="7:cmp_x:org_" + "x" * 20 + ":broadsheet"))

    assert list(InboxMessage.objects.order_by("pk").values_list("organization", flat=True)) == [organization.pk, None]


def test_each_recipient_of_a_message_finds_it_in_the_inbox(inbox):
    with smtplib.SMTP(*inbox) as client:
        client.send_message(a_mail(), to_addrs=["ann@example.com", "ben@example.com"])

    assert set(InboxMessage.objects.values_list("recipient", flat=True)) == {"ann@example.com", "ben@example.com"}


def test_the_inbox_offers_pipelining_and_eight_bit_and_unicode_addresses(inbox):
    with smtplib.SMTP(*inbox) as client:
        client.ehlo()

        assert {"pipelining", "8bitmime", "smtputf8"} <= client.esmtp_features.keys()


@pytest.mark.parametrize(("domain", "code"), [("defer.example", 451), ("reject.example", 550)])
def test_some_addresses_make_trouble_on_request(inbox, domain, code):
    with smtplib.SMTP(*inbox) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.send_message(a_mail(To=f"ann@{domain}"))

    assert refused.value.recipients[f"ann@{domain}"][0] == code
    assert not InboxMessage.objects.exists()


def test_an_address_can_ask_for_a_broken_connection(inbox):
    client = smtplib.SMTP(*inbox)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(a_mail(To="ann@drop.example"))

    assert not InboxMessage.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: =?utf-8?b?4pyT?= done\r\n\r\nx\r\n",
        b"Subject: \xff\xfe raw bytes\r\n\r\nx\r\n",
        b"Subject: nul \x00 inside\r\n\r\nx\r\n",
        b"Subject: " + b"long " * 400 + b"\r\nMessage-ID: <" + b"x" * 400 + b"@y>\r\n\r\nx\r\n",
        b"no headers at all\r\n",
        b"Subject: =?utf-8?q?a=0D=0Ab?=\r\nFeedback-ID: =?broken\r\n\r\nx\r\n",
    ],
)
@pytest.mark.django_db
def test_whatever_a_message_looks_like_it_is_kept_as_it_came(raw):
    built_in.store([built_in.Arrived(sender="", recipients=("ann@example.com",), raw=raw)])

    assert bytes(InboxMessage.objects.get().raw) == raw


def test_a_message_that_cannot_be_stored_is_not_accepted(inbox, monkeypatch):
    def refuse(messages):
        raise DatabaseError("The disk is full.")

    monkeypatch.setattr(built_in, "store", refuse)

    with smtplib.SMTP(*inbox) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.send_message(a_mail())

    assert refused.value.smtp_code == 451


def test_a_taken_port_gets_a_clear_message():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(CommandError, match=rf"port {port}: the port is taken.*INBOX_PORT"):
            call_command("inbox", host="127.0.0.1", port=port)


def test_the_command_says_where_it_listens_and_stops_when_told():
    process = subprocess.Popen(
        [sys.executable, "manage.py", "inbox", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    process.terminate()
    _, errors = process.communicate(timeout=10)

    assert line.startswith("Inbox: smtp://127.0.0.1:")
    assert (process.returncode, errors) == (0, "")

"""What every transport promises, whatever carries the messages."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from delivery.models import InboxMessage
from delivery.transports import Message
from delivery.transports.sms_inbox import SmsInboxTransport
from delivery.transports.smtp import SmtpTransport
from delivery.transports.smtp_session import Relay
from tests.delivery.servers import Mailbox, Notebook, mail_server, own_certificate, stream

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def smtp(tmp_path, *, pipelining=True, security="none", password=None, connections=3):
    tls, trusted = own_certificate(tmp_path) if security != "none" else (None, None)
    mailbox = Mailbox(pipelining=pipelining)
    async with mail_server(mailbox, tls=tls, implicit_tls=security == "tls", password=password) as port:
        relay = Relay(
            host="127.0.0.1",
            port=port,
            security=security,
            tls=trusted,
            user="broadsheet" if password else "",
            password=password or "",
            connections=connections,
            timeout=5,
        )

        async def arrived():
            return sorted((address, raw) for _, address, raw in mailbox.mails)

        yield SmtpTransport(relay), arrived


@asynccontextmanager
async def sms_inbox(tmp_path):
    @sync_to_async
    def arrived():
        try:
            return sorted((each.recipient, bytes(each.raw)) for each in InboxMessage.objects.filter(channel="sms"))
        finally:
            connections.close_all()  # this thread's own

    yield SmsInboxTransport(None), arrived


TRANSPORTS = {
    "smtp": smtp,
    "smtp one connection": lambda path: smtp(path, connections=1),
    "smtp without pipelining": lambda path: smtp(path, pipelining=False),
    "smtp over TLS": lambda path: smtp(path, security="tls"),
    "smtp with STARTTLS and a password": lambda path: smtp(path, security="starttls", password="open sesame"),
    "sms inbox": sms_inbox,
}


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def carried(request, tmp_path):
    """Carries messages through one of the transports; gives the ledger and what arrived."""

    def carry(messages):
        async def run():
            notebook = Notebook()
            async with request.param(tmp_path) as (transport, arrived):
                await transport.deliver(stream(messages), notebook)
                return notebook, await arrived()

        return asyncio.run(run())

    return carry


def mails(count):
    return [
        Message(number, "post@news.example", f"ann{number}@example.com", f"Subject: {number}\r\n\r\nHi\r\n".encode())
        for number in range(1, count + 1)
    ]


def test_every_message_arrives_and_is_answered_once(carried):
    messages = mails(20)

    notebook, arrived = carried(messages)

    assert arrived == sorted((each.address, each.content) for each in messages)
    assert notebook.ids("started") == notebook.ids("answered") == list(range(1, 21))
    assert {line[2] for line in notebook.lines if line[0] == "answered"} == {250}


def test_a_message_is_started_before_it_is_answered(carried):
    notebook, _ = carried(mails(5))

    for number in range(1, 6):
        events = [line[0] for line in notebook.lines if line[1] == number]
        assert events == ["started", "answered"]


def test_without_messages_nothing_happens(carried):
    notebook, arrived = carried([])

    assert (notebook.lines, arrived) == ([], [])

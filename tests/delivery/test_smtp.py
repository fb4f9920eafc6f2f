import asyncio
import smtplib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.transports import Message, Unreachable
from delivery.transports.smtp import SmtpTransport
from delivery.transports.smtp_session import Relay
from delivery.transports.smtp_wire import UnsafeAddress, body, mail_from, rcpt_to
from tests.delivery.servers import Mailbox, Notebook, mail_server, own_certificate, scripted_server, stream


def a_mail(number=1, address=None, content=b"Subject: x\r\n\r\nHi\r\n", sender="post@news.example"):
    return Message(number, sender, address or f"ann{number}@example.com", content)


def relay(port, **changes):
    return Relay(**{"host": "127.0.0.1", "port": port, "connections": 2, "timeout": 5, **changes})


def delivered(server, messages, **changes):
    """Deliver through this server; the ledger, and the reason if the relay could not be used."""

    async def run():
        notebook = Notebook()
        async with server as port:
            try:
                await SmtpTransport(relay(port, **changes)).deliver(stream(messages), notebook)
            except Unreachable as error:
                return notebook, str(error)
        return notebook, ""

    return asyncio.run(run())


# --- what the relay says of one message ---------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_refusals_belong_to_their_recipient_and_the_others_go_on(pipelining):
    mailbox = Mailbox(
        pipelining=pipelining,
        rcpt={"ann2@example.com": "550 5.1.1 No such mailbox", "ann4@example.com": "451 4.7.1 Greylisted"},
        data={"ann6@example.com": "554 5.7.1 Looks like spam", "ann7@example.com": "452 4.3.1 Disk full"},
    )

    notebook, trouble = delivered(mail_server(mailbox), [a_mail(number) for number in range(1, 10)])

    assert trouble == ""
    assert notebook.ids("answered") == list(range(1, 10))
    assert notebook.answer(2) == (550, "5.1.1 No such mailbox")
    assert notebook.answer(4) == (451, "4.7.1 Greylisted")
    assert notebook.answer(6) == (554, "5.7.1 Looks like spam")
    assert notebook.answer(7) == (452, "4.3.1 Disk full")
    assert sorted(address for _, address, _ in mailbox.mails) == [f"ann{n}@example.com" for n in (1, 3, 5, 8, 9)]


def test_a_message_refused_before_its_body_was_never_started():
    mailbox = Mailbox(rcpt={"ann1@example.com": "550 5.1.1 No such mailbox"})

    notebook, _ = delivered(mail_server(mailbox), [a_mail(1)])

    assert notebook.ids("started") == []


def test_a_lost_connection_after_the_body_leaves_that_message_in_doubt_and_no_other():
    mailbox = Mailbox(data={"ann3@example.com": None})

    notebook, trouble = delivered(mail_server(mailbox), [a_mail(number) for number in range(1, 9)])

    assert trouble == ""
    assert notebook.ids("lost") == [3]
    assert sorted(address for _, address, _ in mailbox.mails) == [f"ann{n}@example.com" for n in (1, 2, 4, 5, 6, 7, 8)]


def test_a_relay_that_hangs_up_after_every_message_is_given_up_at_once():
    mailbox = Mailbox(data={f"ann{number}@example.com": None for number in range(1, 50)})

    notebook, trouble = delivered(mail_server(mailbox), [a_mail(number) for number in range(1, 50)])

    assert 1 <= len(notebook.ids("lost")) <= 2
    assert "cannot be used" in trouble


def test_a_server_that_never_answers_the_body_leaves_it_in_doubt():
    async def talk(reader, writer):
        for reply in (b"220 sink\r\n", b"250-sink\r\n250 PIPELINING\r\n"):
            writer.write(reply)
            await reader.readline()
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        await reader.read()

    notebook, _ = delivered(scripted_server(talk), [a_mail(1)], timeout=0.2, connections=1)

    assert notebook.ids("lost") == [1]
    assert "did not answer in time" in notebook.lines[-1][2]


# --- what the relay says of us ------------------------------------------------------------------------------------


def test_a_refused_connection_is_nobodys_outcome():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(Unreachable, match=rf"127.0.0.1:{port} cannot be used: connection refused"):
        asyncio.run(SmtpTransport(relay(port)).deliver(stream([a_mail()]), notebook := Notebook()))

    assert notebook.lines == []


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([b"554 5.7.1 Go away\r\n"], "it greets with “554 5.7.1 Go away”"),
        ([b"421 Too busy\r\n"], "it greets with “421 Too busy”"),
        ([b"220 sink\r\n", b"500 What\r\n", b"502 No\r\n"], "it answers HELO with “502 No”"),
        ([b"HTTP/1.1 400 Bad Request\r\n"], "what is no SMTP reply"),
        ([b"220 sink\r\n", b"250 sink\r\n", b"530 5.7.0 Log in first\r\n"], "refuses the sender with “530 5.7.0 Log"),
        ([b"220 sink\r\n", b"250 sink\r\n", b"421 4.3.2 Shutting down\r\n"], "answered “421 4.3.2 Shutting down”"),
        ([b"220 sink\r\n", b"250 sink\r\n"], "the server closed the connection"),
    ],
)
def test_what_the_relay_refuses_to_us_is_nobodys_outcome(replies, reason):
    async def talk(reader, writer):
        for reply in replies:
            writer.write(reply)
            await reader.readline()

    notebook, trouble = delivered(scripted_server(talk), [a_mail(1), a_mail(2)])

    assert reason in trouble
    assert notebook.lines == []


def test_a_relay_whose_name_nobody_knows_is_said_plainly():
    transport = SmtpTransport(relay(25, host="no-such-host.invalid"))

    with pytest.raises(Unreachable, match="its name cannot be resolved"):
        asyncio.run(transport.deliver(stream([a_mail()]), Notebook()))


def test_a_silent_server_is_not_waited_for_longer_than_the_time_out():
    async def talk(reader, writer):
        await reader.read()

    notebook, trouble = delivered(scripted_server(talk), [a_mail()], timeout=0.2)

    assert "did not answer in time" in trouble
    assert notebook.lines == []


def test_a_421_instead_of_an_acceptance_gives_the_message_to_another_connection():
    taken = []

    async def talk(reader, writer):
        writer.write(b"220 sink\r\n")
        await reader.readline()
        writer.write(b"250 sink\r\n")
        for _ in range(3):
            command = await reader.readline()
            writer.write(b"354 go\r\n" if command == b"DATA\r\n" else b"250 ok\r\n")
        raw = await reader.readuntil(b"\r\n.\r\n")
        if taken:
            writer.write(b"421 4.3.2 Shutting down\r\n")
        else:
            taken.append(raw)
            writer.write(b"250 ok\r\n")
            await reader.readline()

    notebook, trouble = delivered(scripted_server(talk), [a_mail(1), a_mail(2)], connections=1)

    assert notebook.ids("answered") == [1]
    assert notebook.ids("lost") == []
    assert "421 4.3.2 Shutting down" in trouble


def test_a_wrong_password_is_said_plainly(tmp_path):
    server_tls, trusted = own_certificate(tmp_path)
    server = mail_server(Mailbox(), tls=server_tls, password="right")

    notebook, trouble = delivered(
        server, [a_mail()], security="starttls", tls=trusted, user="me", password="wrong", connections=1
    )

    assert "it answers the log-in with “535 5.7.8 Authentication credentials invalid”" in trouble
    assert notebook.lines == []


def test_a_relay_without_starttls_gets_no_message_when_it_is_asked_for():
    mailbox = Mailbox()

    _, trouble = delivered(mail_server(mailbox), [a_mail()], security="starttls")

    assert "does not offer STARTTLS" in trouble
    assert mailbox.mails == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_nobody_vouches_for_is_refused(tmp_path, security):
    server_tls, _ = own_certificate(tmp_path)
    mailbox = Mailbox()

    _, trouble = delivered(
        mail_server(mailbox, tls=server_tls, implicit_tls=security == "tls"), [a_mail()], security=security
    )

    assert "its certificate is not trusted" in trouble
    assert mailbox.mails == []


def test_what_is_sent_before_tls_begins_is_not_believed_after():
    async def talk(reader, writer):
        for reply in (b"220 sink\r\n", b"250-sink\r\n250 STARTTLS\r\n", b"220 Go ahead\r\n250 injected\r\n"):
            writer.write(reply)
            await reader.readline()

    _, trouble = delivered(scripted_server(talk), [a_mail()], security="starttls")

    assert "sent more before TLS began" in trouble


# --- connections --------------------------------------------------------------------------------------------------


def test_a_connection_carries_no_more_messages_than_allowed():
    mailbox = Mailbox()

    delivered(
        mail_server(mailbox), [a_mail(number) for number in range(1, 11)], connections=1, messages_per_connection=4
    )

    assert len(mailbox.mails) == 10
    assert len(mailbox.sessions) == 3


def test_no_more_connections_are_opened_than_there_are_messages():
    mailbox = Mailbox()

    delivered(mail_server(mailbox), [a_mail(1)], connections=5)

    assert len(mailbox.sessions) == 1


def test_another_connection_sends_what_a_refused_one_could_not():
    mailbox, refused = Mailbox(), []
    original = mailbox.handle_EHLO

    async def only_one(server, session, envelope, hostname, responses):
        if mailbox.sessions:
            refused.append(session)
            return ["421 4.7.0 One connection is enough"]
        return await original(server, session, envelope, hostname, responses)

    mailbox.handle_EHLO = only_one

    notebook, trouble = delivered(mail_server(mailbox), [a_mail(number) for number in range(1, 40)], connections=3)

    assert refused
    assert trouble == ""
    assert notebook.ids("answered") == list(range(1, 40))


def test_a_body_that_looks_like_commands_stays_a_body():
    mailbox = Mailbox()

    delivered(mail_server(mailbox), [a_mail(n, content=b"\r\n.\r\nMAIL FROM:<x@y.example>\r\n") for n in (1, 2, 3)])

    assert [raw for _, _, raw in mailbox.mails] == [b"\r\n.\r\nMAIL FROM:<x@y.example>\r\n"] * 3


# --- what goes over the wire --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com>\r\nRCPT TO:<eve@example.com",
        "ann@example.com\nDATA",
        "ann@example.com\r",
        "ann@exa mple.com",
        "<ann@example.com>",
        "ann@example.com\u2028",
        "ann@example.com\x85",
        "no-at-sign",
        "a" * 250 + "@example.com",
    ],
)
def test_an_address_cannot_smuggle_in_a_command(address):
    mailbox = Mailbox()

    notebook, _ = delivered(mail_server(mailbox), [a_mail(1, address=address), a_mail(2)])

    assert notebook.ids("refused") == [1]
    assert [address for _, address, _ in mailbox.mails] == ["ann2@example.com"]
    with pytest.raises(UnsafeAddress):
        rcpt_to(address)


def test_a_sender_that_is_no_address_stops_the_delivery():
    notebook, trouble = delivered(mail_server(Mailbox()), [a_mail(sender="post@news.example\r\nDATA")])

    assert "the sender address is not valid" in trouble
    assert notebook.lines == []


def test_the_null_sender_can_be_written():
    assert mail_from("") == b"MAIL FROM:<>\r\n"


@given(content=st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"x", b"\r\n.\r\n"])).map(b"".join))
def test_no_content_ends_itself_and_the_server_reads_what_was_written(content):
    written = body(content)
    lines = written.split(b"\r\n")

    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    unstuffed = b"\r\n".join(line.removeprefix(b".") if line.startswith(b".") else line for line in lines[:-2])
    read = unstuffed + b"\r\n" if lines[:-2] else b""
    normalised = smtplib._fix_eols(content.decode()).encode()
    assert read in {normalised, normalised + b"\r\n"}


def test_eight_bit_content_and_unicode_addresses_are_announced():
    mailbox, seen = Mailbox(), []

    async def remember(server, session, envelope, address, options):
        seen.append(options)
        envelope.mail_from = address
        return "250 ok"

    mailbox.handle_MAIL = remember

    delivered(mail_server(mailbox), [a_mail(1, address="jürgen@example.com", content="Grüße\r\n".encode())])

    assert seen == [["BODY=8BITMIME", "SMTPUTF8"]]
    assert mailbox.mails == [("post@news.example", "jürgen@example.com", "Grüße\r\n".encode())]

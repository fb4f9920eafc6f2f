"""SMTP servers that behave as they are told, and a ledger that writes down what it hears."""

# ruff: noqa: N802 - aiosmtpd calls its hooks by these names

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult


class Notebook:
    """A ledger that remembers, in order: ("started", id), ("answered", id, code, text), ..."""

    def __init__(self):
        self.lines = []

    def started(self, message):
        self.lines.append(("started", message.recipient_id))

    def answered(self, message, code, text):
        self.lines.append(("answered", message.recipient_id, code, text))

    def refused(self, message, why):
        self.lines.append(("refused", message.recipient_id, why))

    def lost(self, message, why):
        self.lines.append(("lost", message.recipient_id, why))

    def ids(self, event):
        return sorted(line[1] for line in self.lines if line[0] == event)

    def answer(self, recipient_id):
        return next(line[2:] for line in self.lines if line[:2] == ("answered", recipient_id))


async def stream(messages):
    for message in messages:
        yield message


@dataclass
class Mailbox:
    """An aiosmtpd handler that keeps what it accepts and can be told to make trouble."""

    rcpt: dict = field(default_factory=dict)  # address -> reply
    data: dict = field(default_factory=dict)  # address -> reply, or None to hang up
    pipelining: bool = True
    mails: list = field(default_factory=list)  # (sender, recipient, raw)
    sessions: list = field(default_factory=list)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.sessions.append(session)
        return [responses[0], *(["250-PIPELINING"] if self.pipelining else []), *responses[1:]]

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self.rcpt.get(address, "250 2.1.5 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):
        (address,) = envelope.rcpt_tos
        reply = self.data.get(address, "250 2.0.0 Queued")
        if reply is None:
            server.transport.abort()
            await asyncio.Event().wait()
        if reply.startswith("250"):
            self.mails.append((envelope.mail_from, address, envelope.original_content))
        return reply


@asynccontextmanager
async def mail_server(handler, *, tls=None, implicit_tls=False, password=None):
    """An aiosmtpd server on a free port; gives the port. With `password`, everybody has to log in with it."""

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == password.encode(), handled=False)

    loop, sessions = asyncio.get_running_loop(), []

    def session():
        protocol = SMTP(
            handler,
            hostname="sink",
            enable_SMTPUTF8=True,
            tls_context=None if implicit_tls else tls,
            auth_required=bool(password),
            auth_require_tls=bool(password) and not implicit_tls and tls is not None,
            authenticator=authenticate if password else None,
            loop=loop,
        )
        sessions.append(protocol)
        return protocol

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls if implicit_tls else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in sessions:
            if each.transport is not None:
                each.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def scripted_server(talk):
    """A server that is a coroutine `talk(reader, writer)`; gives the port."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


def own_certificate(folder):
    """TLS contexts (server, client) for 127.0.0.1 that trust each other."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=path)

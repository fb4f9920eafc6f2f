"""One POST: to the address that was looked at, under the name that was asked for, and over when its time is up."""

import socket
import ssl
import time
from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils.timezone import now

from tests.webhooks import servers
from tests.webhooks.test_addresses import names
from webhooks import posting
from webhooks.posting import post


def test_what_is_posted_and_what_is_noted(receiver):
    receiver.answer((201, {}, "thank you"))

    answer = post(f"{receiver.url}?key=1", b'{"a":1}', {"webhook-id": "msg_1"}, timeout=5)

    (posted,) = receiver.posted
    assert (posted.path, posted.body, posted.headers["webhook-id"]) == ("/hook?key=1", b'{"a":1}', "msg_1")
    assert posted.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert (answer.status, answer.text, answer.error, answer.is_success) == (201, "thank you", "", True)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, local, status):
    with servers.receiver() as elsewhere:
        local(elsewhere.port)
        receiver.answer((status, {"Location": elsewhere.url}, ""))

        answer = post(receiver.url, b"{}", {}, timeout=5)

        assert (answer.status, answer.is_success) == (status, False)
        assert "not followed" in answer.error
        assert elsewhere.posted == []


def test_proxies_of_the_environment_are_not_asked(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    assert post(receiver.url, b"{}", {}, timeout=5).status == 200


def test_only_the_beginning_of_an_answer_is_kept(receiver):
    receiver.answer((200, {}, "é\x00" * 100_000))

    answer = post(receiver.url, b"{}", {}, timeout=5)

    assert answer.text == "é" * len(answer.text)
    assert 0 < len(answer.text) <= 500


def test_an_answer_that_trickles_is_hung_up_on(local):
    def trickle(connection):
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            connection.sendall(b"X-%d: y\r\n" % number)
            time.sleep(0.05)

    with servers.raw_server(trickle) as port:
        local(port)
        began = time.monotonic()
        answer = post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout=0.3)

    assert (answer.status, answer.error) == (None, "No answer within 0.3 seconds.")
    assert time.monotonic() - began < 4


def test_so_is_a_handshake_that_says_nothing(local):
    def silence(connection):
        while connection.recv(4096):
            connection.sendall(b"\x16\x03\x03\x40")  # the beginning of a record that never comes
            time.sleep(0.05)

    with servers.raw_server(silence) as port:
        local(port)
        answer = post(f"https://127.0.0.1:{port}/", b"{}", {}, timeout=0.3)

    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize(
    "said", [b"", b"hello\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 99_999]
)
def test_what_is_no_http_is_a_failure(local, said):
    def serve(connection):
        connection.recv(4096)
        connection.sendall(said)

    with servers.raw_server(serve) as port:
        local(port)
        answer = post(f"http://127.0.0.1:{port}/", b"{}", {}, timeout=5)

    assert answer.status is None
    assert answer.error


def test_a_name_nobody_knows_is_a_failure(monkeypatch):
    names(monkeypatch)

    assert "name was not found" in post("https://nowhere.example/", b"{}", {}, timeout=5).error


def test_the_next_address_is_tried_where_one_takes_no_connection(receiver, settings, monkeypatch):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    names(monkeypatch, hooks_example=[["127.0.0.9", "127.0.0.1"]])
    real = socket.create_connection

    def refusing(to, *args):
        if to[0] == "127.0.0.9":
            raise ConnectionRefusedError
        return real(to, *args)

    monkeypatch.setattr("webhooks.posting.socket.create_connection", refusing)

    assert post(f"http://hooks.example:{receiver.port}/", b"{}", {}, timeout=5).status == 200
    assert receiver.posted[0].headers["Host"] == f"hooks.example:{receiver.port}"


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    """A server's certificate for hooks.example, signed by itself: the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    alternatives = x509.SubjectAlternativeName([x509.DNSName("hooks.example"), x509.IPAddress(ip_address("127.0.0.3"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "hooks.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(local, certificate, monkeypatch):
    """A receiver for HTTPS, and names for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names(monkeypatch, hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with servers.receiver(context) as server:
        local(server.port)
        yield server


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    posting._context.cache_clear()
    yield
    posting._context.cache_clear()


def test_the_other_side_proves_its_name_not_its_address(secure, trusted):
    assert post(f"https://hooks.example:{secure.port}/", b"{}", {}, timeout=5).status == 200
    answer = post(f"https://other.example:{secure.port}/", b"{}", {}, timeout=5)

    assert answer.status is None
    assert "Hostname mismatch" in answer.error
    assert len(secure.posted) == 1


def test_who_cannot_prove_it_is_not_told_anything(secure):
    posting._context.cache_clear()
    answer = post(f"https://hooks.example:{secure.port}/", b"{}", {}, timeout=5)

    assert "CERTIFICATE_VERIFY_FAILED" in answer.error
    assert secure.posted == []

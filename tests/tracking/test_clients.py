import pytest

from tracking.clients import canonical, client_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5000", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2", ""),
        ("192.0.2.1\x00", ""),
        ("1.2.3.4; DROP", ""),
    ],
)
def test_an_address_has_one_spelling(text, address):
    assert canonical(text) == address


def test_a_stranger_cannot_say_who_it_is(settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    assert client_address({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}) == "192.0.2.1"


def test_without_trusted_proxies_the_header_is_ignored():
    assert client_address({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}) == "127.0.0.1"


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("8.8.8.8, 203.0.113.9", "203.0.113.9"),  # the client wrote the first itself
        ("203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("203.0.113.9, rubbish", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("10.2.2.2", "10.2.2.2"),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_it_wrote(settings, forwarded_for, client):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    assert client_address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": forwarded_for}) == client


def test_a_unix_socket_has_no_address(settings):
    assert client_address({"REMOTE_ADDR": ""}) == ""
    assert client_address({}) == ""

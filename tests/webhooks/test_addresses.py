"""Webhooks reach the public Internet, and nothing of ours: by no name, no notation and no detour."""

import socket
from ipaddress import ip_address

import pytest

from tests.webhooks import servers
from tests.webhooks.conftest import an_endpoint
from webhooks import addresses
from webhooks.errors import InvalidEndpoint, RefusedAddress
from webhooks.posting import post

INSIDE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::127.0.0.1"),
    *("64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::"),
]
OUTSIDE = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_that_are_not_public_are_refused(address):
    assert not addresses.is_allowed(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_allowed(address):
    assert addresses.is_allowed(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_an_inside_address_is_refused_as_soon_as_it_is_typed(address):
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(RefusedAddress, match="not on the public Internet"):
        addresses.parsed(f"https://{host}/")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "0xa9fea9fe"]
)
def test_so_are_addresses_in_the_notations_that_connecting_would_understand(host):
    with pytest.raises(RefusedAddress, match="not on the public Internet"):
        addresses.parsed(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example/in", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "https://"),
        *("https://user:word@hooks.example/", "https://hooks.example:22/", "https://hooks.example:0/"),
        *("https://hooks.example:99999/", "https://hooks.example/a b", "https://hooks.example/\r\nX: y"),
        *("https://bücher.example/", "https://hooks.example\\@127.0.0.1/", "https://[::1", "https://a%2f.example/"),
        *("https://[fe80::1%25eth0]/", "https://" + "a" * 2000 + ".example/", "https://ho'st/"),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(RefusedAddress):
        addresses.parsed(url)


def test_a_url_is_taken_apart():
    target = addresses.parsed("HTTPS://Hooks.Example:8443?a=1#part")

    assert (target.scheme, target.host, target.port) == ("https", "hooks.example", 8443)
    assert (target.target, target.host_header) == ("/?a=1", "hooks.example:8443")
    assert addresses.parsed("https://[2606:4700::1111]/x").host_header == "[2606:4700::1111]"


def names(monkeypatch, **answers):
    """Let these names (with _ for .) have these addresses, in turn if there are several lists."""
    asked, real = [], socket.getaddrinfo

    def look_up(host, port, *args, **kwargs):
        if host.replace(".", "").isdigit():  # connecting looks up what was looked up before
            return real(host, port, *args, **kwargs)
        asked.append(host)
        rounds = answers.get(host.replace(".", "_"))
        if rounds is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        kinds = [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (each, port)) for kind, each in kinds]

    monkeypatch.setattr("webhooks.addresses.socket.getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1%eth0"])
def test_a_name_for_an_inside_address_is_refused_when_it_is_posted_to(monkeypatch, address):
    names(monkeypatch, hooks_example=[[address]])

    answer = post("https://hooks.example/", b"{}", {}, timeout=5)

    assert answer.status is None
    assert "not on the public Internet" in answer.error


def test_of_several_addresses_only_public_ones_are_tried(monkeypatch):
    names(monkeypatch, hooks_example=[["10.0.0.1", "1.1.1.1", "::1"]])

    assert addresses.resolved(addresses.parsed("https://hooks.example/")) == ["1.1.1.1"]


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch, settings):
    """DNS rebinding: the address that was looked at is the one that is connected to."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.2/32"]
    settings.WEBHOOK_ALLOWED_PORTS = [7]
    asked = names(monkeypatch, rebinding_example=[["127.0.0.2"], ["127.0.0.1"]])
    connected = []
    real = socket.create_connection
    monkeypatch.setattr(
        "webhooks.posting.socket.create_connection", lambda to, *args: connected.append(to) or real(to, 0.5)
    )

    post("http://rebinding.example:7/", b"{}", {}, timeout=2)

    assert asked == ["rebinding.example"]
    assert connected == [("127.0.0.2", 7)]


def test_nothing_is_connected_to_where_this_machine_is_not_allowed(settings):
    with servers.receiver() as receiver:
        settings.WEBHOOK_ALLOWED_PORTS = [receiver.port]
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0177.0.0.1"):
            answer = post(f"http://{host}:{receiver.port}/", b"{}", {}, timeout=5)
            assert "not on the public Internet" in answer.error, host
        assert receiver.posted == []


def test_an_allowance_is_for_its_networks_only(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00::/8"]

    assert addresses.is_allowed(ip_address("10.1.2.3"))
    assert addresses.is_allowed(ip_address("::ffff:10.1.2.3"))
    assert addresses.is_allowed(ip_address("fd00::1"))
    assert not addresses.is_allowed(ip_address("10.2.0.1"))
    assert not addresses.is_allowed(ip_address("127.0.0.1"))


@pytest.mark.django_db
def test_such_an_endpoint_is_not_even_made(organization):
    for url in ("http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.5/"):
        with pytest.raises(InvalidEndpoint) as refused:
            an_endpoint(organization, url)
        assert refused.value.problems.keys() == {"url"}
    assert not organization.webhook_endpoints.exists()

"""Where webhooks may go: never into our own network, unless WEBHOOK_ALLOWED_NETWORKS says so.

A name is looked up once for each try, and the connection goes to the address that was looked at, so that a name whose
answer changes in between (DNS rebinding) leads nowhere else. See OWASP, "Server-Side Request Forgery Prevention".
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from webhooks.errors import RefusedAddress
from webhooks.models import LONGEST_URL

Address = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
# IPv6 addresses with an IPv4 address in their last 32 bits (RFC 6052, 4291), and one with it anywhere (RFC 8215).
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A URL taken apart. `host` is without brackets, `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parsed(url: str) -> Target:
    """The parts of a URL that may be posted to. Raises RefusedAddress, also for an IP address that is not public."""
    if len(url) > LONGEST_URL or not url.isascii() or any(each <= " " or each in "\\\x7f" for each in url):
        raise RefusedAddress("Write the URL in ASCII and without spaces; a name in other letters as xn--….")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedAddress("This is no URL.") from None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in PORTS or not host:
        raise RefusedAddress("The URL has to begin with https:// or http:// and a host.")
    if parts.username is not None or parts.password is not None:
        raise RefusedAddress("Names and passwords do not belong into the URL; check the signature instead.")
    _require_port(chosen := port if port is not None else PORTS[scheme])
    _require_host(host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=scheme, host=host, port=chosen, target=path)


def resolved(target: Target) -> list[str]:
    """The addresses to try, all of which may be connected to. Raises RefusedAddress, and OSError for no answer."""
    found = _looked_up(target.host, target.port)
    if allowed := [str(each) for each in found if is_allowed(each)]:
        return allowed
    raise RefusedAddress(f"{target.host} is not on the public Internet; webhooks are not sent there.")


def is_allowed(address: Address) -> bool:
    """Whether this address is public, or in one of the networks that the operator allows."""
    networks = [ip_network(text, strict=False) for text in settings.WEBHOOK_ALLOWED_NETWORKS]
    return all(any(each in network for network in networks) or _is_public(each) for each in _reached(address))


def _is_public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    nowhere = special or getattr(address, "is_site_local", False) or address in _NAT64_LOCAL
    return address.is_global and not nowhere


def _reached(address: Address) -> tuple[Address, ...]:
    """The address; instead of one that holds IPv4 addresses for a gateway, those."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.teredo:
        return address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):  # not :: and ::1
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address.ipv4_mapped or address.sixtofour or address,)


def _require_port(port: int) -> None:
    if port not in settings.WEBHOOK_ALLOWED_PORTS:
        allowed = ", ".join(str(each) for each in settings.WEBHOOK_ALLOWED_PORTS)
        raise RefusedAddress(f"Webhooks are not sent to port {port}, only to {allowed}.")


def _require_host(host: str) -> None:
    """Refuse at once what is an address in any notation that the system takes (127.1, 0x7f000001, 2130706433)."""
    literal = _literal(host)
    if literal is not None and not is_allowed(literal):
        raise RefusedAddress(f"{host} is not on the public Internet; webhooks are not sent there.")
    if literal is None and (not set(host) <= HOST_CHARACTERS or len(host) > 253):
        raise RefusedAddress("The host of the URL is no name of the Internet.")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # octal, hexadecimal, one number: as connecting would read it
    except OSError:
        return None


def _looked_up(host: str, port: int) -> list[Address]:
    """Every address of the host, in the system's order, each once."""
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = [str(row[4][0]).partition("%")[0] for row in rows]  # a zone (%eth0) names a link of this machine
    return [ip_address(text) for text in dict.fromkeys(texts)]

"""Whose request it is: the client's address, also behind proxies."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Any

from django.conf import settings


def client_address(environ: Mapping[str, Any]) -> str:
    """The client's IP address in its canonical form, or "" where there is none (a Unix socket).

    `environ` is a WSGI environ or Django's `request.META`. X-Forwarded-For counts only as far as proxies named in
    TRUSTED_PROXIES wrote it: it is read from its end, and the first address that is no trusted proxy is the client.
    """
    peer = environ.get("REMOTE_ADDR") or ""
    if settings.TRUSTED_PROXIES and _is_trusted(peer, tuple(settings.TRUSTED_PROXIES)):
        return _behind_proxies(peer, environ.get("HTTP_X_FORWARDED_FOR") or "")
    return canonical(peer)


def _behind_proxies(peer: str, forwarded_for: str) -> str:
    trusted = tuple(settings.TRUSTED_PROXIES)
    nearest = canonical(peer)
    for hop in reversed(forwarded_for.split(",")):
        address = canonical(hop.strip())
        if not address:
            break
        nearest = address
        if not _is_trusted(address, trusted):
            break
    return nearest


def canonical(text: str) -> str:
    """An IP address as the database takes it: without brackets, port or scope; "" for anything else."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    family = AF_INET6 if ":" in host else AF_INET
    try:
        address = inet_ntop(family, inet_pton(family, host.partition("%")[0]))
    except (OSError, ValueError):
        return ""
    return address.removeprefix("::ffff:") if "." in address else address


@lru_cache(maxsize=4096)
def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    known = canonical(address)
    if not known:
        return address in trusted  # a Unix socket has no address; an operator may name it as ""
    return any(ip_address(known) in ip_network(proxy, strict=False) for proxy in trusted if proxy)

"""One POST to one endpoint, and what came of it as a value. Knows no database.

The connection goes to an address that was looked at (`webhooks.addresses`), under the endpoint's own name for TLS and
in `Host`. Redirects are answers like any other, proxies of the environment are not asked, and the whole try, whatever
trickles in, ends when its time is up.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from http.client import HTTPConnection, HTTPException

import certifi

from webhooks import addresses
from webhooks.addresses import Target
from webhooks.errors import RefusedAddress
from webhooks.models import LONGEST_EXCERPT

READ_BYTES = 4 * LONGEST_EXCERPT  # of the answer; the rest is not waited for
LONGEST_ERROR = 300
USER_AGENT = "Broadsheet-Webhooks/1"
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a try brought. `status` is None where nobody answered; `error` says why it does not count as delivered."""

    status: int | None = None
    text: str = ""
    error: str = ""
    retry_after: str = ""
    milliseconds: int = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
    """Post this JSON. Raises nothing: what goes wrong is in the answer. `timeout` in seconds, for all of it but the
    look-up of the name, which has the system's own."""
    began = time.monotonic()
    try:
        answer = _posted(url, body, headers, timeout)
    except RefusedAddress as refusal:
        answer = Answer(error=str(refusal))
    except Exception as error:  # whatever the other side can provoke in here is its answer, and no fault of the sender
        late = isinstance(error, TimeoutError) or time.monotonic() - began >= timeout
        answer = Answer(error=f"No answer within {timeout:g} seconds." if late else _told(error))
    return replace(answer, milliseconds=round((time.monotonic() - began) * 1000))


def _told(error: Exception) -> str:
    kind = "The name was not found" if isinstance(error, socket.gaierror) else type(error).__name__
    kind = "It did not answer as HTTP does" if isinstance(error, HTTPException) else kind
    return f"{kind}: {error}"[:LONGEST_ERROR].replace("\x00", "")


def _posted(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    target = addresses.parsed(url)
    found = addresses.resolved(target)
    deadline = time.monotonic() + timeout
    with contextlib.closing(_connected(target, found, deadline)) as sock, _hung_up_at(deadline, sock):
        connection = HTTPConnection(target.host, target.port)
        connection.sock = _wrapped(sock, target)
        with contextlib.closing(connection):
            return _exchanged(connection, target, body, headers)


def _connected(target: Target, found: list[str], deadline: float) -> socket.socket:
    """To the first of these addresses that takes a connection. Raises OSError as the last one did."""
    *others, last = found
    for address in others:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, target.port), _left(deadline))
    return socket.create_connection((last, target.port), _left(deadline))


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.001)


@contextlib.contextmanager
def _hung_up_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Raises TimeoutError where the time ran out. A socket's own timeout begins anew with every byte that trickles in,
    and what was hung up on may look like a short answer."""
    own = sock.dup()  # TLS takes the other one over
    timer = threading.Timer(_left(deadline), _hang_up, [own])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        own.close()
    if time.monotonic() >= deadline:
        raise TimeoutError


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _wrapped(sock: socket.socket, target: Target) -> socket.socket:
    """With TLS, the other side has to prove that it is the URL's host, whatever its address."""
    return _context().wrap_socket(sock, server_hostname=target.host) if target.scheme == "https" else sock


@cache
def _context() -> ssl.SSLContext:
    """Trusts this machine's authorities, a company's own among them, and Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _exchanged(connection: HTTPConnection, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    ours = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    connection.request("POST", target.target, body=body, headers={**ours, **headers})
    response = connection.getresponse()
    status = response.status
    return Answer(
        status=status,
        text=response.read(READ_BYTES).decode("utf-8", "replace").replace("\x00", "")[:LONGEST_EXCERPT],
        error="" if 200 <= status < 300 else _meaning(status),
        retry_after=response.headers.get("Retry-After", "") if status in (TOO_MANY, UNAVAILABLE) else "",
    )


def _meaning(status: int) -> str:
    return f"It answered {status}; redirects are not followed." if 300 <= status < 400 else f"It answered {status}."

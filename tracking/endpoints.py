"""Opens and clicks, answered in front of Django: no database, no middleware, no template.

    GET /o/<recipient token>.gif             200 with a transparent pixel; the open goes to the spool
    GET /c/<recipient token>/<link token>    302 to the address in the signed link token; the click goes to the spool
    GET /h/<recipient token>                 200 with a plain page: the link that people cannot see; into the spool
    /system/s2s-postback/                    JSON: conversions that shops report (`tracking.postback`)

A token whose signature does not hold, or two tokens of different runs, get a plain 404. HEAD is answered and not
recorded: it is a program asking, and no mail program opens or follows with it. An open that cannot be kept is refused
(503, nobody sees it); a click that cannot be kept still leads the reader on, and is logged.
"""

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.encoding import iri_to_uri

from content.analytics import joined
from content.tokens import BadToken, Purpose, read_click, read_recipient_token
from tracking.clients import client_address
from tracking.conversions import told_to
from tracking.hits import hit_of
from tracking.postback import answer as postback
from tracking.postback import is_postback
from tracking.refusals import Refusals
from tracking.spool import HitKind, append

logger = logging.getLogger(__name__)

OPEN, CLICK, PROBE = "/o/", "/c/", "/h/"
# The smallest GIF that every mail program takes: one transparent pixel, 43 bytes.
PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
NOT_FOUND = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><title>Not found</title>'
    b"<h1>This link does not work</h1><p>It is incomplete or was changed on its way."
    b" Please open it again from the message you received.</p></html>"
)
PROBED = (
    b'<!doctype html><html lang="en"><meta charset="utf-8"><title>Nothing to do</title>'
    b"<h1>Nothing to do here</h1><p>This link tells programs that check mail from people who read it."
    b" Following it changes nothing.</p></html>"
)
# Every open and click has to come here, and no page after us may learn the token from the Referer.
PRIVATE = [
    ("Cache-Control", "no-store, private"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
]
PIXEL_HEADERS = [("Content-Type", "image/gif"), ("Content-Length", str(len(PIXEL))), *PRIVATE]


class TrackingApplication:
    """The WSGI application in front of `next_app`: answers opens and clicks, passes everything else on."""

    def __init__(self, next_app: WSGIApplication) -> None:
        self._next_app = next_app
        self._refusals = Refusals()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if is_postback(path):
            return postback(environ, start_response, lambda why: self._refusals.count(why, client_address(environ)))
        if not path.startswith((OPEN, CLICK, PROBE)):
            return self._next_app(environ, start_response)
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            return _plain(start_response, "405 Method Not Allowed", method, b"", [("Allow", "GET, HEAD")])
        try:
            return ANSWERS[path[:3]](path, environ, start_response)
        except BadToken as refusal:
            self._refusals.count(str(refusal) or "bad signature", client_address(environ))
            return _plain(start_response, "404 Not Found", method, NOT_FOUND)


def _open(path: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    token = read_recipient_token(Purpose.OPEN, path[len(OPEN) :].removesuffix(".gif"))
    if environ["REQUEST_METHOD"] == "HEAD":
        start_response("200 OK", list(PIXEL_HEADERS))
        return []
    try:
        append(hit_of(HitKind.OPENED, token, environ))
    except OSError:
        logger.exception("An open could not be kept.")
        return _plain(start_response, "503 Service Unavailable", "GET", b"", [("Retry-After", "60")])
    start_response("200 OK", list(PIXEL_HEADERS))
    return [PIXEL]


def _click(path: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    recipient_text, _, link_text = path[len(CLICK) :].partition("/")
    token, link = read_click(recipient_text, link_text)
    location = joined(web_address(link.url), link.added)
    location = told_to(location, token) if link.converts else location
    if environ["REQUEST_METHOD"] == "GET":
        try:
            append(hit_of(HitKind.CLICKED, token, environ, link_position=link.position, url=link.url))
        except OSError:
            logger.exception("A click could not be kept.")
    described = [("Location", location), ("Content-Type", "text/plain"), ("Content-Length", "0")]
    start_response("302 Found", [*described, *PRIVATE])
    return []


def _probe(path: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    token = read_recipient_token(Purpose.PROBE, path[len(PROBE) :])
    if environ["REQUEST_METHOD"] == "GET":
        try:
            append(hit_of(HitKind.PROBED, token, environ))
        except OSError:
            logger.exception("A look at the hidden link could not be kept.")
    return _plain(start_response, "200 OK", environ["REQUEST_METHOD"], PROBED)


ANSWERS = {OPEN: _open, CLICK: _click, PROBE: _probe}


def web_address(url: str) -> str:
    """The address as it may stand in a Location header; raises BadToken for anything but http and https.

    Signed links are made of an author's links and of merge values, so that the scheme is looked at here once more.
    """
    if any(character < " " or character == "\x7f" for character in url):
        raise BadToken("The link has a control character in it.")
    try:
        parts = urlsplit(url)
    except ValueError as malformed:
        raise BadToken("The link is no address.") from malformed
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadToken("The link does not lead to a web page.")
    return iri_to_uri(url)


def _plain(
    start_response: StartResponse, status: str, method: str, body: bytes, headers: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    described = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
    policy = [("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]
    start_response(status, [*described, *policy, *PRIVATE, *(headers or [])])
    return [] if method == "HEAD" else [body]

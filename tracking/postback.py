"""Octeth's address for reports of conversions, answered in front of Django, without a database.

    GET or POST /system/s2s-postback/?ocrid=<token>&channel=<text>&value=<12.50>&unit=<text>&transaction=<id>

Names are read in any case, from the query and from a form. The answer is JSON: `Success`, `ErrorCode`, `ErrorText`,
`ocrid`. Codes as Octeth's table has them: 1 the ocrid is missing, 2 it is nobody's, 3 it belongs to nothing that was
sent; and 4 where something else cannot be read. https://dev.octeth.com/api-reference
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from django.conf import settings

from tracking.conversions import NotAConversion, Problem, reported
from tracking.spool import append

logger = logging.getLogger(__name__)

PATH = "/system/s2s-postback"
LARGEST_FORM, MOST_FIELDS = 16 * 1024, 50
FORM = "application/x-www-form-urlencoded"
# HTTP status and Octeth's code. A server that reports again what was refused would be told the same: none is a 5xx.
ANSWERS = {
    Problem.MISSING: ("400 Bad Request", 1),
    Problem.FORGED: ("404 Not Found", 2),
    Problem.UNKNOWN: ("404 Not Found", 3),
    Problem.VALUE: ("400 Bad Request", 4),
}
HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


def is_postback(path: str) -> bool:
    return path.startswith(PATH) and path.rstrip("/") == PATH


def answer(
    environ: WSGIEnvironment, start_response: StartResponse, count_forgery: Callable[[str], None]
) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "POST"):
        return _said(
            start_response, "405 Method Not Allowed", {"ErrorText": "Use GET or POST."}, ("Allow", "GET, POST")
        )
    try:
        given = _given(environ)
        hit = reported(given, at=datetime.now(UTC))
        append(hit)
    except NotAConversion as refusal:
        if refusal.problem == Problem.FORGED:
            count_forgery("bad signature")
        status, code = ANSWERS[refusal.problem]
        return _said(start_response, status, {"ErrorCode": code, "ErrorText": str(refusal)})
    except OSError:
        logger.exception("A conversion could not be kept.")
        again = {"ErrorText": "The conversion could not be kept. Report it again."}
        return _said(start_response, "503 Service Unavailable", again, ("Retry-After", "60"))
    return _said(start_response, "200 OK", {"Success": True, "ErrorCode": 0, "ErrorText": "", "ocrid": given["ocrid"]})


def _given(environ: WSGIEnvironment) -> dict[str, str]:
    pairs = _pairs(environ.get("QUERY_STRING", ""))
    if environ["REQUEST_METHOD"] == "POST" and environ.get("CONTENT_TYPE", "").partition(";")[0].strip() == FORM:
        pairs += _pairs(_body(environ))
    given = {name.lower(): value for name, value in pairs}
    given.setdefault("ocrid", given.get(settings.CONVERSION_PARAMETER.lower(), ""))
    return given


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as too_many:
        raise NotAConversion(Problem.VALUE, f"There are more than {MOST_FIELDS} parameters.") from too_many


def _body(environ: WSGIEnvironment) -> str:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > LARGEST_FORM:
        raise NotAConversion(Problem.VALUE, f"A form may have {LARGEST_FORM} bytes.")
    return str(environ["wsgi.input"].read(int(length)).decode("utf-8", "replace"))


def _said(
    start_response: StartResponse, status: str, about: Mapping[str, object], *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = json.dumps({"Success": False, "ErrorCode": 0, **about}).encode()
    start_response(status, [*HEADERS, ("Content-Length", str(len(body))), *headers])
    return [body]

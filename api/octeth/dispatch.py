"""From a request to a command and back, in the order in which Octeth checks things.

Body, method, command, rate limit, credential, permission, then the command itself. Handlers refuse with codes; what
nobody foresaw is logged, says nothing of the inside, and changes nothing.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from accounts.models import OctethErrors
from api.octeth import callers, envelope, limits, parameters
from api.octeth.callers import Caller
from api.octeth.errors import (
    BAD_BODY,
    BAD_METHOD,
    CRASHED,
    NOT_AUTHENTICATED,
    NOT_PERMITTED,
    UNKNOWN_COMMAND,
    Refused,
    shaped,
)
from api.octeth.parameters import MalformedBody, Parameters
from api.octeth.permissions import PERMISSIONS
from api.octeth.registry import COMMANDS, ROUTES, Access, Call, Command
from audience.errors import NotAllowed as NotAllowedWithPeople
from campaigns.errors import NotAllowed

logger = logging.getLogger(__name__)

_REFUSING = (NotAllowed, NotAllowedWithPeople, PermissionDenied)
_UNKNOWN_SESSION = Refused(NOT_AUTHENTICATED, text="Authentication failure or session expired")
_MAY_NOT = Refused(NOT_PERMITTED, text="Not enough privileges")


@csrf_exempt
def legacy(request: HttpRequest) -> HttpResponseBase:
    """`/api.php`: the command stands among the parameters."""
    given = _read(request)
    if isinstance(given, HttpResponseBase):
        return given
    if request.method not in ("GET", "POST"):
        return _bad_method(request)
    return _run(request, given, given.word("Command"), is_v1=False)


@csrf_exempt
def modern(request: HttpRequest, name: str) -> HttpResponseBase:
    """`/api/v1/<command>`: the command is the path, in some cases together with the HTTP method."""
    given = _read(request)
    if isinstance(given, HttpResponseBase):
        return given
    routed = ROUTES.get((request.method or "", name.lower()))
    if routed is None and request.method not in ("GET", "POST"):
        return _bad_method(request)
    return _run(request, given, routed or name, is_v1=True)


def _read(request: HttpRequest) -> Parameters | HttpResponseBase:
    try:
        return parameters.read(request)
    except MalformedBody as refusal:
        return _hard(request, Parameters(), BAD_BODY, str(refusal), status=400)


def _bad_method(request: HttpRequest) -> HttpResponseBase:
    return _hard(request, Parameters(), BAD_METHOD, "Unsupported connection method. Use POST or GET.", status=400)


def _run(request: HttpRequest, given: Parameters, name: str, *, is_v1: bool) -> HttpResponseBase:
    command = COMMANDS.get(name.lower())
    if command is None:
        return _hard(request, given, UNKNOWN_COMMAND, f'Invalid API command: "{name}" not found.', status=400)
    try:
        limits.count(command, callers.credential(request, given))
    except limits.TooMany as refusal:
        answer = envelope.response(request, given, refusal.body, status=429)
        answer["Retry-After"] = str(refusal.seconds)
        return answer
    caller = callers.find(request, given, admin=_wants_admin(command, given))
    call = Call(command, given, request, caller, is_v1)
    return _answer(call, _dialect(name, caller, is_v1))


def _wants_admin(command: Command, given: Parameters) -> bool:
    """A command for both takes an administrator's credential if one was sent, unless `Access` says otherwise."""
    return command.access is Access.ADMIN or (command.access is Access.EITHER and given.word("Access") != "user")


def _dialect(name: str, caller: Caller | None, is_v1: bool) -> str:
    """The shape of errors: what the key says, else the installation, else as the command was spelled."""
    fixed = (caller.api_key.octeth_errors if caller and caller.api_key else "") or settings.OCTETH_ERRORS
    if fixed != OctethErrors.AUTO:
        return str(fixed)
    return OctethErrors.OLD if name[:1].isupper() and not is_v1 else OctethErrors.CURRENT


def _answer(call: Call, dialect: str) -> HttpResponseBase:
    try:
        _require_caller(call)
        answer = _handled(call)
    except Refused as refusal:
        return _refused(call, refusal, dialect)
    except _REFUSING:
        return _refused(call, _MAY_NOT, dialect)
    except Exception:
        logger.exception("The Octeth command %s failed", call.command.name)
        return _hard(call.request, call.parameters, CRASHED, "The command failed. Its cause is in the log.", status=500)
    if isinstance(answer, HttpResponseBase):
        return answer
    body = dict(answer) if call.command.is_native else envelope.answered(answer)
    return envelope.response(call.request, call.parameters, body)


def _require_caller(call: Call) -> None:
    if call.command.access is Access.PUBLIC:
        return
    if call.caller is None:
        raise _UNKNOWN_SESSION
    if call.command.access is Access.ADMIN and not call.caller.is_admin:
        raise _MAY_NOT
    needed = PERMISSIONS.get(call.command.permission)
    if needed is not None and needed not in call.caller.permissions:
        raise _MAY_NOT


def _handled(call: Call) -> Mapping[str, Any] | HttpResponseBase:
    if not call.command.writes:
        return call.command.handler(call)
    with transaction.atomic():
        return call.command.handler(call)


def _refused(call: Call, refusal: Refused, dialect: str) -> HttpResponseBase:
    body = shaped(refusal, call.command.shapes.for_dialect(dialect))
    generic = refusal in (_UNKNOWN_SESSION, _MAY_NOT)
    if generic and call.is_v1:
        body["Errors"] = [{"Code": refusal.codes[0], "Message": refusal.texts[0]}]
    status = refusal.status if call.is_v1 and call.command.is_native and not generic else 200
    return envelope.response(call.request, call.parameters, body, status=status)


def _hard(request: HttpRequest, given: Parameters, code: int, text: str, *, status: int) -> HttpResponseBase:
    """A failure before any command was reached; in JSON while nothing that was sent could be read."""
    body = {"Success": False, "ErrorCode": code, "ErrorText": text, "Errors": [{"Code": code, "Message": text}]}
    return envelope.response(request, given, body, status=status)

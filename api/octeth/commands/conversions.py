"""Internal.S2SPostback.Register: a shop's server reports what somebody bought after a click."""

from datetime import UTC, datetime
from typing import Any

from api.octeth.errors import Refused, Shape
from api.octeth.registry import Access, Call, command
from tracking import spool
from tracking.conversions import NotAConversion, Problem, reported

CODES = {Problem.MISSING: 1, Problem.FORGED: 2, Problem.UNKNOWN: 3, Problem.VALUE: 3}


@command("internal.s2spostback.register", access=Access.PUBLIC, shape=Shape.TEXT)
def register(call: Call) -> dict[str, Any]:
    """As the address of the postback does: the token says whose it is, so that no credential is needed."""
    names = ("ocrid", "channel", "value", "unit", "transaction")
    given = {name: call.parameters.word(name) for name in names}
    try:
        spool.append(reported(given, at=datetime.now(UTC)))
    except NotAConversion as refusal:
        raise Refused(CODES[refusal.problem], text=str(refusal)) from refusal
    return {"ocrid": given["ocrid"], "ErrorText": ""}

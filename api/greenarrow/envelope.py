"""The one shape of every answer: `success`, `data`, `error_code`, `error_message`, and pages beside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse

from api.greenarrow.errors import GreenArrowError
from audience.criteria.greenarrow.errors import InvalidDefinition
from audience.errors import AudienceError, InvalidRules, TooMany
from audience.errors import NotAllowed as NotAllowedInAudience
from campaigns.errors import CampaignError, NotAllowed, NotReady
from content.errors import ContentError
from delivery.errors import CannotSend

CONTENT_TYPE = "application/json; charset=utf-8"
CHALLENGE = 'Basic realm="Application"'


@dataclass(frozen=True)
class Answer:
    """What a handler answers with where it is more than data: keys that stand beside it."""

    data: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


def success(answer: Any) -> HttpResponse:
    """Files go out as they are."""
    if isinstance(answer, HttpResponse):
        return answer
    whole = answer if isinstance(answer, Answer) else Answer(answer)
    body = {"success": True, **whole.beside, "data": whole.data, "error_code": None, "error_message": None}
    return _response(body, 200)


def refusal(error: GreenArrowError) -> HttpResponse:
    """By `GREENARROW_ERROR_STATUS`, which has 200 for what clients tell by `success` alone."""
    body = {"success": False, "data": error.data, "error_code": error.code, "error_message": error.message}
    response = _response(body, settings.GREENARROW_ERROR_STATUS.get(error.code, 200))
    if error.code == "not_authorized":
        response["WWW-Authenticate"] = CHALLENGE
    return response


def _response(body: Mapping[str, Any], status: int) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type=CONTENT_TYPE, status=status)


def code_and_message(error: Exception) -> tuple[str, str] | None:
    """What a refusal of the domain is called here; None for what is no refusal."""
    match error:
        case InvalidDefinition():
            return error.code, f"segmentation criteria: {error}"
        case InvalidRules():
            return "invalid_request", f"segmentation criteria: {error}"
        case NotAllowed() | NotAllowedInAudience():
            return "not_authorized", str(error)
        case TooMany():
            return "requested_too_many", str(error)
        case NotReady():
            return "validation_failed", joined(error.problems)
        case ValidationError():
            return "validation_failed", ", ".join(error.messages)
        case CampaignError() | AudienceError() | ContentError() | CannotSend():
            return "validation_failed", str(error)
        case _:
            return None


def joined(problems: Mapping[str, list[str]]) -> str:
    return ", ".join(f"{name}: {message}" for name, messages in problems.items() for message in messages)


def translated(error: Exception) -> GreenArrowError | None:
    """A domain's refusal in this API's words."""
    if isinstance(error, GreenArrowError):
        return error
    found = code_and_message(error)
    if found is None:
        return None
    refused = GreenArrowError(found[1])
    refused.code = found[0]
    return refused

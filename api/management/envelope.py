"""The shape of a refusal: `{"detail": ...}`, or `{field: [message, ...]}` where a field is to blame."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from api.management import vocabulary
from audience.errors import (
    AlreadyThere,
    AudienceError,
    InvalidAddress,
    InvalidFields,
    InvalidRules,
    InvalidTag,
    MailOnItsWay,
    NotStuck,
    StaysOut,
    TooSlow,
)
from audience.errors import NotAllowed as AudienceNotAllowed
from campaigns.errors import InvalidTransition, Locked, NotAllowed, NotReady
from webhooks.errors import InvalidEndpoint, SwitchedOff
from webhooks.errors import NotAllowed as WebhookNotAllowed


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class Conflict(APIException):
    """The request is fine, but not in the state things are in."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "This cannot be done now."
    default_code = "conflict"


class Unavailable(APIException):
    """Nothing is wrong with the request, but it costs more than an answer may take."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler, which also knows what the domain refuses."""
    response = exception_handler(_translated(error), context)
    if response is not None and isinstance(response.data, dict) and "detail" not in response.data:
        response.data = {field: list(_messages(value)) for field, value in response.data.items()}
    elif response is not None and isinstance(response.data, list):
        response.data = {"non_field_errors": list(_messages(response.data))}
    return response


def _translated(error: Exception) -> Exception:
    match error:
        case InvalidTransition():
            return Conflict(vocabulary.refusal(error))
        case Locked():
            return Conflict(str(error))
        case NotReady():
            return ValidationError(vocabulary.field_errors(error.problems))
        case NotAllowed() | AudienceNotAllowed() | WebhookNotAllowed():
            return PermissionDenied(str(error))
        case InvalidRules():
            return ValidationError({"definition": [str(error)]})
        case InvalidEndpoint():
            return ValidationError(vocabulary.field_errors(error.problems))
        case NotStuck() | StaysOut() | MailOnItsWay() | SwitchedOff():
            return Conflict(str(error))
        case TooSlow():
            return Unavailable(str(error))
        case AudienceError():
            return ValidationError(str(error))
        case RequestDataTooBig():
            return TooLarge(f"The body has more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        case _:
            return error


@contextmanager
def in_fields() -> Iterator[None]:
    """What the audience refuses about one person, under the field it is about. Raises ValidationError and Conflict."""
    try:
        yield
    except InvalidFields as error:
        messages = [f"{key}: {problem}" for key, problem in error.problems.items()]
        raise ValidationError({"fields": messages}) from error
    except AlreadyThere as error:
        field = "email" if error.subscriber.email else "phone"
        raise ValidationError({field: [f"{error} {error.subscriber.public_id}"]}) from error
    except InvalidTag as error:
        raise ValidationError({"tags": [str(error)]}) from error
    except InvalidAddress as error:
        raise ValidationError({"email" if "email address" in str(error) else "phone": [str(error)]}) from error


def _messages(value: Any, place: str = "") -> Iterator[str]:
    """Every message below a field, with its place in a list or an object in front: `2.segment_id: ...`."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _messages(below, f"{place}.{name}".strip("."))
    elif isinstance(value, list):
        for position, below in enumerate(value):
            yield from _messages(below, place if not isinstance(below, dict) else f"{place}.{position}".strip("."))
    else:
        yield f"{place}: {value}" if place else str(value)

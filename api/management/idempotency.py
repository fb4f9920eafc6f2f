"""`Idempotency-Key`: a client that does not know whether its request arrived sends it again, and it acts once.

The key is claimed in the transaction of the act. A second request with the same key waits for that transaction and
then gets the first one's answer. What was refused is not remembered: mended, it may be tried with the same key.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from api.management.access import caller, key_of
from api.management.models import RememberedAnswer

MEMORY = timedelta(hours=24)
HEADER = "Idempotency-Key"
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description="The same key within 24 hours acts once and answers the same."
)

Handler = Callable[..., Response]


class KeyReused(APIException):
    status_code = 422
    default_detail = "This Idempotency-Key was used for another request in the last 24 hours; use a new one."
    default_code = "idempotency_key_reused"


def idempotent(handler: Handler) -> Handler:
    """Let this handler honour `Idempotency-Key`; a repeated answer carries `Idempotency-Replayed: true`."""

    @wraps(handler)
    def remembering(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER, "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > 255:
            raise ValidationError({HEADER: ["Ensure this header has no more than 255 characters."]})
        return _once(key, _fingerprint(request), request, lambda: handler(view, request, *args, **kwargs))

    remembering.is_idempotent = True  # type: ignore[attr-defined]  # read by the schema
    return remembering


def forget_old() -> int:
    """Delete the answers of those who did not ask again; how many that were. They name people."""
    deleted, _ = RememberedAnswer.objects.filter(created_at__lt=now() - MEMORY).delete()
    return deleted


def _once(key: str, fingerprint: str, request: Request, act: Callable[[], Response]) -> Response:
    with transaction.atomic():
        RememberedAnswer.objects.filter(user=caller(request), created_at__lt=now() - MEMORY).delete()
        answer, is_new = _claim(request, key, fingerprint)
        if not is_new:
            return _replayed(answer, fingerprint)
        response = act()
        answer.status, answer.body = response.status_code, json.dumps(response.data, cls=JSONEncoder)
        answer.save()
    return response


def _claim(request: Request, key: str, fingerprint: str) -> tuple[RememberedAnswer, bool]:
    """A new memory, or the one there is; waits while another request with the same key is being answered."""
    try:
        with transaction.atomic():
            answer = RememberedAnswer.objects.create(user=caller(request), key=key, fingerprint=fingerprint)
    except IntegrityError:
        return RememberedAnswer.objects.get(user=caller(request), key=key), False
    return answer, True


def _replayed(answer: RememberedAnswer, fingerprint: str) -> Response:
    if answer.fingerprint != fingerprint:
        raise KeyReused
    return Response(json.loads(answer.body), status=answer.status, headers={"Idempotency-Replayed": "true"})


def _fingerprint(request: Request) -> str:
    api_key = key_of(request)
    asked = [request.method, request.path.rstrip("/"), api_key and api_key.pk, request.data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=_digest).encode()).hexdigest()


def _digest(file: Any) -> str:
    """What stands for an uploaded file, which is read again afterwards."""
    content = hashlib.sha256()
    for chunk in file.chunks():
        content.update(chunk)
    file.seek(0)
    return content.hexdigest()

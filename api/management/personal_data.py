"""What this API holds about a person, for `audience.privacy`: answers that it remembers for a day.

Erased, an answer says only that it is gone. The row stays, so that the request does not act once more.
"""

import json
from typing import Any

from django.db.models import Q, QuerySet

from api.management.models import RememberedAnswer
from audience.models import Subscriber
from audience.privacy import Holding, hold

GONE = 410
_ERASED = json.dumps({"detail": "This request was answered; whom the answer was about has been erased since."})


def register() -> None:
    hold(Holding(name="answers", count=_count, export=_export, erase=_erase))


def _answers(person: Subscriber) -> QuerySet[RememberedAnswer]:
    """Those that name the person; `ann@example.com` is also found in `joann@example.com`, which costs an answer."""
    names = [name for name in (person.public_id, person.email, person.phone) if name]
    named = Q()
    for name in names:
        named |= Q(body__icontains=name)
    members = person.organization.memberships.values("user")
    return RememberedAnswer.objects.filter(named, user__in=members).order_by("pk")


def _count(person: Subscriber) -> int:
    return _answers(person).count()


def _export(person: Subscriber) -> list[dict[str, Any]]:
    return [{"at": row.created_at.isoformat(), "answer": json.loads(row.body)} for row in _answers(person)]


def _erase(person: Subscriber) -> int:
    return _answers(person).update(status=GONE, body=_ERASED)

"""What the log of webhooks holds about a person, for `audience.privacy`: what endpoints were told about them.

Erased, those rows are gone, whether they were sent or wait. What the other side made of them is theirs to erase.
"""

import json
from typing import Any

from django.db.models import QuerySet

from audience.models import Subscriber
from audience.privacy import Holding, hold
from webhooks.models import Delivery


def register() -> None:
    hold(Holding(name="webhooks", count=_count, export=_export, erase=_erase))


def _rows(person: Subscriber) -> QuerySet[Delivery]:
    return Delivery.objects.filter(subscriber=person).order_by("pk")


def _count(person: Subscriber) -> int:
    return _rows(person).count()


def _export(person: Subscriber) -> list[dict[str, Any]]:
    return [
        {"webhook": row.endpoint.name, "state": row.state, "told": json.loads(row.body)}
        for row in _rows(person).select_related("endpoint")
    ]


def _erase(person: Subscriber) -> int:
    return _rows(person).delete()[0]

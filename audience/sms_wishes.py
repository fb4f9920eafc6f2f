"""STOP and START by text message: what somebody wants who answers with one word.

The sender of texts is the same for everybody here, so the wish holds in every organization that knows the number.
Nothing more is sent to the number; who is known by nothing but it leaves all lists. Mail to the same person goes on.
"""

from datetime import datetime

from django.db import transaction

from audience import subscriptions, suppressions
from audience.addresses import normalise_phone
from audience.models import Subscriber, Subscription, Suppression

SOURCE = "sms stop"


def stop(phone: str, *, at: datetime) -> int:
    """How many subscriptions that ended. Idempotent. Raises InvalidAddress."""
    number = normalise_phone(phone)
    ended = 0
    with transaction.atomic():
        for person in _people(number):
            suppressions.suppress(
                organization=person.organization,
                kind=Suppression.Kind.PHONE,
                value=number,
                reason=Suppression.Reason.UNSUBSCRIBED,
                source=SOURCE,
            )
            if not person.email:
                ended += subscriptions.unsubscribe(person, source=SOURCE, at=at)
    return ended


def start(phone: str) -> int:
    """Take back what STOP did, and nothing else; how many organizations may write again. Raises InvalidAddress."""
    number = normalise_phone(phone)
    lifted = 0
    with transaction.atomic():
        for person in _people(number):
            own = Suppression.objects.filter(
                organization=person.organization,
                mailing_list=None,
                kind=Suppression.Kind.PHONE,
                value=number,
                reason=Suppression.Reason.UNSUBSCRIBED,
                source=SOURCE,
            )
            if not own.delete()[0]:
                continue
            lifted += 1
            left = person.subscriptions.filter(status=Subscription.Status.UNSUBSCRIBED, unsubscribe_source=SOURCE)
            subscriptions.come_back(person, left.values_list("pk", flat=True), source="sms start")
    return lifted


def _people(number: str) -> list[Subscriber]:
    return list(Subscriber.objects.filter(phone=number).select_related("organization").order_by("pk"))

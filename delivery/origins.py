"""Who a message went to that came back without our signature: asked by tracking, which does not know recipients.

The id of a message (RFC 5322 section 3.6.4) and the Feedback-ID name run and recipient, and are no secret: who got one
message knows what others are called. So the address of the report has to be the one that the message went to.
"""

import re
from datetime import timedelta

from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import Organization
from audience.models import Subscriber
from content.tokens import RecipientToken
from delivery.models import Recipient
from tracking.bounces.whose import Clue

_MESSAGE_ID = re.compile(r"<?(?P<campaign>[a-z]+_[a-z0-9]{20})\.(?P<number>\d{1,9})\.(?P<recipient>\d{1,18})@")
_FEEDBACK_ID = re.compile(r"(?P<run>\d{1,18}):(?P<campaign>[a-z]+_[a-z0-9]{20}):")
_MOST_PEOPLE = 20


def find(clue: Clue) -> RecipientToken | None:
    """By what the message was called, else by its run and address, else by the address alone (`Clue.days`)."""
    if found := _MESSAGE_ID.search(clue.message_id):
        named = Recipient.objects.filter(
            pk=found["recipient"], run__number=found["number"], run__campaign__public_id=found["campaign"]
        )
        return _token(named.filter(address=clue.address).first())
    if found := _FEEDBACK_ID.search(clue.feedback_id):
        of_run = _received_by(clue).filter(run=int(found["run"]), run__campaign__public_id=found["campaign"])
        return _token(of_run.first())
    return _by_address(clue) if clue.days else None


def _by_address(clue: Clue) -> RecipientToken | None:
    """The latest message sent to the address, if only one organization has written there."""
    since = now() - timedelta(days=clue.days)
    recent = _received_by(clue).filter(state=Recipient.State.SENT, settled_at__gte=since)
    rows = list(
        recent.filter(run__campaign__channel=clue.channel).select_related("run__campaign").order_by("-settled_at")[:50]
    )
    if len({row.run.campaign.organization_id for row in rows}) != 1:
        return None
    return _token(rows[0])


def _received_by(clue: Clue) -> QuerySet[Recipient]:
    """By way of the people of this address: recipients are not looked up by theirs."""
    known_by = {"phone": clue.address} if clue.channel == "sms" else {"email": clue.address}
    people = Subscriber.objects.filter(organization__in=_organizations(), **known_by)
    keys = list(people.order_by("pk").values_list("pk", flat=True)[:_MOST_PEOPLE])
    return Recipient.objects.filter(subscriber__in=keys, address=clue.address)


def _organizations() -> list[int]:
    """Named one by one, so that the index of people, which begins with them, is of use."""
    return list(Organization.objects.values_list("pk", flat=True))


def _token(recipient: Recipient | None) -> RecipientToken | None:
    if recipient is None:
        return None
    return RecipientToken(recipient.run_id, recipient.pk, recipient.subscriber_id or 0)

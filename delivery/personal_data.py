"""What delivery holds about a person, for `audience.privacy`: the messages they got, and copies in the built-in inbox.

Erased, a recipient is nobody's: the row stays with its state, so that planned = sent + failed + skipped + in doubt +
pending goes on to hold for its run. A message that waits is skipped first.
"""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now

from audience.errors import MailOnItsWay
from audience.models import Subscriber
from audience.privacy import Holding, hold
from campaigns.models import Campaign, CampaignEvent, State
from delivery import capping, settlement
from delivery.models import Batch, InboxMessage, Recipient

ERASED = "erased"  # the skip reason


def register() -> None:
    hold(Holding(name="messages", count=_messages_count, export=_messages, erase=_erase_messages))
    hold(Holding(name="inbox", count=_inbox_count, export=_inbox, erase=_erase_inbox))


# --- messages ----------------------------------------------------------------------------------------------------


def _messages_count(person: Subscriber) -> int:
    return person.received.count()


def _messages(person: Subscriber) -> list[dict[str, Any]]:
    rows = person.received.select_related("run__campaign", "variant").order_by("pk")
    return [
        {
            "campaign": row.run.campaign.name,
            "channel": row.run.campaign.channel,
            "run": row.run.number,
            "variant": row.variant.name if row.variant else "",
            "address": row.address,
            "state": row.state,
            "skip_reason": row.skip_reason,
            "attempts": row.attempts,
            "reply": row.reply_text,
            "settled_at": row.settled_at.isoformat() if row.settled_at else None,
        }
        for row in rows
    ]


def _erase_messages(person: Subscriber) -> int:
    """Raises MailOnItsWay, also while an audience is being fixed: that could take up the person until they are gone."""
    calculating = Campaign.objects.filter(organization=person.organization_id, state=State.CALCULATING)
    if not capping.hold_off(person.organization) or calculating.exists():
        raise MailOnItsWay("The audience of a campaign is being worked out right now; try again in a minute.")
    rows = Recipient.objects.filter(subscriber=person)
    _skip_waiting(rows, person)
    _forget_in_histories(rows)
    return rows.update(subscriber=None, subscription=None, address="", reply_text="")


def _skip_waiting(rows: QuerySet[Recipient], person: Subscriber) -> None:
    """Raises MailOnItsWay while a worker has one of the messages in hand: it has read the address already."""
    waiting = rows.filter(state=Recipient.State.PENDING)
    batches = sorted({pk for pk in waiting.values_list("batch", flat=True) if pk})
    held = Batch.objects.select_for_update().filter(pk__in=batches).order_by("pk")
    if any(batch.state == Batch.State.CLAIMED for batch in held):
        raise MailOnItsWay(f"A message to {person} is being sent right now; try again in a few minutes.")
    for run_id in sorted(set(waiting.values_list("run", flat=True))):
        skipped = waiting.filter(run=run_id).update(
            state=Recipient.State.SKIPPED, skip_reason=ERASED, not_before=None, settled_at=now()
        )
        settlement.count(run_id, {"skipped": skipped})


def _forget_in_histories(rows: QuerySet[Recipient]) -> None:
    """A decision about somebody in doubt names their address (`delivery.doubts`)."""
    mine = dict(rows.values_list("pk", "run__campaign"))
    decided = CampaignEvent.objects.filter(verb="resolve_in_doubt", campaign__in=set(mine.values()))
    for event in decided.filter(data__recipient__in=list(mine)):
        _, _, told = event.reason.partition(": ")
        CampaignEvent.objects.filter(pk=event.pk).update(reason=f"{ERASED}: {told}")


# --- the built-in inbox ------------------------------------------------------------------------------------------


def _copies(person: Subscriber) -> QuerySet[InboxMessage]:
    addresses = [address for address in (person.email, person.phone) if address]
    return InboxMessage.objects.filter(organization=person.organization_id, recipient__in=addresses)


def _inbox_count(person: Subscriber) -> int:
    return _copies(person).count()


def _inbox(person: Subscriber) -> list[dict[str, Any]]:
    return [
        {
            "received_at": copy.received_at.isoformat(),
            "sender": copy.sender,
            "subject": copy.subject,
            "raw": bytes(copy.raw).decode("utf-8", "replace"),
        }
        for copy in _copies(person).order_by("pk")
    ]


def _erase_inbox(person: Subscriber) -> int:
    deleted, _ = _copies(person).delete()
    return deleted

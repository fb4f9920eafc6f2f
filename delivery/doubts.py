"""Recipients in doubt: the message was handed over, the worker or the connection was lost, and nobody knows.

A person decides about each. `resend` sends the message again, with the same Message-ID, and waits for the answer: the
recipient may have two, which mail programs often show as one. `close` takes it as sent, which it mostly was. Doing
nothing leaves the recipient in doubt, named and counted.
"""

from enum import StrEnum

from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.permissions import Permission, may
from campaigns.errors import InvalidTransition, NotAllowed
from campaigns.models import CampaignRun, State
from campaigns.transitions import record
from content.errors import ContentError
from delivery import direct, settlement
from delivery.errors import CannotSend, NotInDoubt
from delivery.models import Recipient
from delivery.rendering import messages_of, rows
from delivery.retries import Accepted, Outcome, Rejected
from delivery.transports import Unreachable
from delivery.transports.choice import transport_for


class Decision(StrEnum):
    RESEND = "resend"
    CLOSE = "close"


def resolve_in_doubt(recipient: Recipient, decision: Decision | str, *, by: Actor) -> Recipient:
    """Decide about one recipient. Raises NotInDoubt, NotAllowed, CannotSend, and InvalidTransition for a cancelled
    campaign's resend. A resend that is deferred, or breaks off again, leaves the recipient in doubt."""
    run = CampaignRun.objects.select_related("campaign__organization").get(pk=recipient.run_id)
    _require_may(run, by)
    if Decision(decision) is Decision.CLOSE:
        _settle(run, recipient, Accepted(None, f"No answer came; taken as sent by {by}."), by=by)
    else:
        outcome = _send_again(run, recipient)
        if not isinstance(outcome, Accepted | Rejected):
            raise CannotSend(f"It is still in doubt: {outcome.text}")
        _settle(run, recipient, outcome, by=by)
    recipient.refresh_from_db()
    return recipient


def _require_may(run: CampaignRun, by: Actor) -> None:
    organization = run.campaign.organization
    if by.surface != Surface.SYSTEM and not may(by.user, Permission.UPDATE_STATE, organization):
        raise NotAllowed(f"You may not decide about recipients of {organization}.")


def _send_again(run: CampaignRun, recipient: Recipient) -> Outcome:
    campaign = run.campaign
    if recipient.subscriber_id is None:
        raise CannotSend("This person has been erased; take the message as sent.")
    if campaign.state == State.CANCELLED or campaign.deleted_at:
        raise InvalidTransition("resend", campaign.state, "A cancelled campaign sends nothing more.")
    _take(recipient)
    (row,) = rows(Recipient.objects.filter(pk=recipient.pk))
    transport = transport_for(campaign.channel, organization_id=campaign.organization_id, patience=direct.PATIENCE)
    try:
        return direct.send([messages_of(run).message(row)], transport)[recipient.pk]
    except (Unreachable, ContentError) as error:
        raise CannotSend(str(error)) from error


def _take(recipient: Recipient) -> None:
    """Of two people who press the button at once, one sends."""
    mine = Recipient.objects.in_doubt().filter(pk=recipient.pk, attempts=recipient.attempts)
    if not mine.update(attempts=F("attempts") + 1):
        raise NotInDoubt("This recipient is no longer in doubt, or somebody else is sending again right now.")


def _settle(run: CampaignRun, recipient: Recipient, outcome: Accepted | Rejected, *, by: Actor) -> None:
    became = settlement.STATES[type(outcome)]
    with transaction.atomic():
        moved = (
            Recipient.objects.in_doubt()
            .filter(pk=recipient.pk)
            .update(state=became, reply_code=outcome.code, reply_text=outcome.text[:500], settled_at=now())
        )
        if not moved:
            raise NotInDoubt("This recipient is no longer in doubt.")
        settlement.count(run.pk, {"in_doubt": -1, became: 1})
        record(
            run.campaign,
            "resolve_in_doubt",
            by=by,
            before=run.campaign.state,
            reason=f"{recipient.address}: {outcome.text}",
            data={"recipient": recipient.pk, "became": became},
        )

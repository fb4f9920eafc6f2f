"""Why did, or didn't, this person get this campaign: one answer for every surface.

For a run whose audience is fixed, what was written down then counts: the person's recipient. Who has none was not in
the audience, or was excluded; which of the two, and by what, is asked of lists and segments as they are now, and the
answer says so (`as_of_now`). For a campaign that has not started, everything is asked as it is now.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.timezone import now

from audience import suppressions
from audience.models import MailingList, Subscriber, Suppression
from audience.selection import Part
from audience.verdicts import Verdict, verdict, words
from campaigns.models import Campaign, CampaignRun
from delivery import audiences, capping
from delivery.audiences import Again
from delivery.capping import CAPPED
from delivery.models import Recipient

State = Recipient.State


class Why(StrEnum):
    """What became, or would become, of the person."""

    NOT_IN_AUDIENCE = "not_in_audience"
    EXCLUDED = "excluded"
    SKIPPED = "skipped"  # `Reason.skip_reason` says which reason
    CAPPED = "capped"
    WOULD_GET = "would_get"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """`sentence` says it all in English; the rest is for surfaces that link to things.

    `parts` are the lists and segments that included the person, or where they are excluded, those that excluded them.
    `at` is when the recipient was settled; `capped_by` the recipient of another campaign because of which they were
    left out; `suppression` the row that keeps them out, None where it is gone.
    """

    why: Why
    sentence: str
    as_of_now: bool
    skip_reason: str = ""
    parts: tuple[str, ...] = ()
    at: datetime | None = None
    recipient: Recipient | None = None
    suppression: Suppression | None = None
    capped_by: Recipient | None = None


def reason_for(target: Campaign | CampaignRun, person: Subscriber) -> Reason:
    """Why the person did or did not get this run, or this campaign's last one; before it starts, what would happen now.

    The person must be of the campaign's organization; anybody else is in no audience. Reads at most some dozen rows.
    """
    run = target if isinstance(target, CampaignRun) else target.runs.order_by("number").last()
    campaign = target if isinstance(target, Campaign) else target.campaign
    recipient = _recipient(run, person) if run else None
    if recipient:
        return _of_recipient(recipient)
    fixed = run is not None and run.frozen_at is not None
    return _without_recipient(campaign, person) if fixed else _as_it_is(campaign, person)


def _recipient(run: CampaignRun, person: Subscriber) -> Recipient | None:
    found = Recipient.objects.filter(run=run, subscriber=person)
    return found.select_related("run__campaign__organization", "subscription__mailing_list", "batch").first()


# --- the audience is fixed: what was written down ------------------------------------------------------------------


def _of_recipient(recipient: Recipient) -> Reason:
    about: dict[str, Any] = {"recipient": recipient, "at": recipient.settled_at, "as_of_now": False}
    if recipient.state == State.SKIPPED:
        return _skipped(recipient, about)
    why = {State.SENT: Why.SENT, State.FAILED: Why.FAILED, State.IN_DOUBT: Why.IN_DOUBT}
    return Reason(why=why.get(State(recipient.state), Why.WAITING), sentence=_outcome(recipient), **about)


def _outcome(recipient: Recipient) -> str:
    reply = f" The answer was: {recipient.reply_text}" if recipient.reply_text else ""
    match recipient.state:
        case State.SENT:
            return f"Sent to {recipient.address}.{reply}"
        case State.FAILED:
            return f"It could not be sent to {recipient.address}.{reply}"
        case State.IN_DOUBT:
            return f"In doubt: the message to {recipient.address} was on its way when the line or the worker was lost."
    if recipient.not_before:
        return f"Waiting: {recipient.address} was asked to be tried again later.{reply}"
    batch = recipient.batch
    if batch and batch.not_before and batch.not_before > now() and batch.zone:
        there = batch.not_before.astimezone(ZoneInfo(batch.zone))
        return f"Waiting to be sent to {recipient.address} at {there:%H:%M on %Y-%m-%d} by the clock of {batch.zone}."
    return f"Waiting to be sent to {recipient.address}."


def _skipped(recipient: Recipient, about: dict[str, Any]) -> Reason:
    reason = recipient.skip_reason
    if reason == CAPPED:
        other = capping.capped_by(recipient)
        sentence = _capped_sentence(recipient.run.campaign, other)
        return Reason(why=Why.CAPPED, sentence=sentence, skip_reason=reason, capped_by=other, **about)
    mailing_list = recipient.subscription.mailing_list if recipient.subscription else None
    suppression = None
    if reason == "suppressed":
        organization = recipient.run.campaign.organization
        suppression = suppressions.check(organization, recipient.address, mailing_list=mailing_list)
    sentence = _skip_sentence(reason, mailing_list, suppression)
    return Reason(why=Why.SKIPPED, sentence=sentence, skip_reason=reason, suppression=suppression, **about)


# --- asked of lists and segments as they are now ---------------------------------------------------------------------


def _without_recipient(campaign: Campaign, person: Subscriber) -> Reason:
    """Of a run that left the person out without a row."""
    if again := audiences.of(campaign).again:
        return Reason(why=Why.NOT_IN_AUDIENCE, sentence=_not_again(again), as_of_now=False)
    now_is = _verdict(campaign, person)
    if not now_is.in_audience:
        return _left_out(now_is)
    changed = "Not in the audience when it was fixed. By the lists and segments of today, they would be."
    return Reason(why=Why.NOT_IN_AUDIENCE, sentence=changed, as_of_now=True, parts=_named(now_is.included_by))


def _as_it_is(campaign: Campaign, person: Subscriber) -> Reason:
    """Of a campaign whose audience is not fixed."""
    if (again := audiences.of(campaign).again) and not again.recipients.filter(subscriber=person).exists():
        return Reason(why=Why.NOT_IN_AUDIENCE, sentence=_not_again(again), as_of_now=True)
    if again:
        sentence = f"They would get it: “{again.run.campaign}” was sent to them, and they have not opened it."
        return Reason(why=Why.WOULD_GET, sentence=sentence, as_of_now=True)
    now_is = _verdict(campaign, person)
    parts = _named(now_is.included_by)
    if not now_is.in_audience:
        return _left_out(now_is)
    if reason := now_is.skip_reason:
        mailing_list = now_is.subscription.mailing_list if now_is.subscription else None
        sentence = _skip_sentence(reason, mailing_list, now_is.suppression)
        about: dict[str, Any] = {"skip_reason": reason, "suppression": now_is.suppression}
        return Reason(why=Why.SKIPPED, sentence=sentence, as_of_now=True, parts=parts, **about)
    if other := capping.would_cap(campaign, person, at=now()):
        sentence = _capped_sentence(campaign, other)
        return Reason(
            why=Why.CAPPED, sentence=sentence, as_of_now=True, parts=parts, skip_reason=CAPPED, capped_by=other
        )
    sentence = f"They would get it: in the audience by {' and '.join(parts)}."
    return Reason(why=Why.WOULD_GET, sentence=sentence, as_of_now=True, parts=parts)


def _not_again(again: Again) -> str:
    return f"“{again.run.campaign}” was not sent to them, came back, or they have opened it."


def _verdict(campaign: Campaign, person: Subscriber) -> Verdict:
    return verdict(campaign.organization, audiences.of(campaign).parts, person, channel=campaign.channel)


def _left_out(now_is: Verdict) -> Reason:
    if now_is.excluded_by and now_is.included_by:
        parts = _named(now_is.excluded_by)
        sentence = f"Excluded: the campaign does not go to {' and '.join(parts)}."
        return Reason(why=Why.EXCLUDED, sentence=sentence, as_of_now=True, parts=parts)
    return Reason(why=Why.NOT_IN_AUDIENCE, sentence="In no list or segment the campaign goes to.", as_of_now=True)


def _named(parts: tuple[Part, ...]) -> tuple[str, ...]:
    return tuple(words(part) for part in parts)


# --- in English --------------------------------------------------------------------------------------------------

_SKIPPED = {
    "no_address": "They have no address for this channel.",
    "unconfirmed": "They have not confirmed their subscription{on_list}.",
    "unsubscribed": "They are not subscribed{on_list}.",
    "bounced": "Their address has bounced{on_list}.",
    "complained": "They complained about a message{on_list}.",
    "expired": "It was too late: the campaign's messages had expired before it was their turn.",
    "cancelled": "The campaign was cancelled before it was their turn.",
}


def _skip_sentence(reason: str, mailing_list: MailingList | None, suppression: Suppression | None) -> str:
    if reason == "suppressed":
        return _suppressed_sentence(suppression)
    on_list = f" on list {mailing_list}" if mailing_list else ""
    return _SKIPPED.get(reason, f"Skipped: {reason}.").format(on_list=on_list)


def _suppressed_sentence(suppression: Suppression | None) -> str:
    if suppression is None:
        return "The address was suppressed; it is not any more."
    scope = "the whole system" if suppression.organization_id is None else "the organization"
    if suppression.mailing_list_id is not None:
        scope = f"list {suppression.mailing_list}"
    source = f" ({suppression.source})" if suppression.source else ""
    since = f"{suppression.created_at:%Y-%m-%d}"
    return f"{suppression.value} is suppressed in {scope} since {since}: {suppression.get_reason_display()}{source}."


def _capped_sentence(campaign: Campaign, other: Recipient | None) -> str:
    within = f"within {campaign.frequency_cap_hours} hours"
    if other is None:
        return f"The organization had mailed them {within} before."
    name = other.run.campaign.name
    if other.settled_at is None:
        return f"They are still waiting to get “{name}”, and this campaign leaves out who is mailed {within}."
    return f"“{name}” went to them on {other.settled_at:%Y-%m-%d at %H:%M} UTC, {within} before this campaign."

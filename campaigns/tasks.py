"""What the clock and the queue do to campaigns. Every task may run twice: the lifecycle sees to it."""

import logging
from contextlib import suppress

from celery import shared_task
from django.db import DatabaseError
from django.utils.timezone import now

from accounts.models import User
from campaigns import approval, lifecycle, notices
from campaigns.errors import CampaignError
from campaigns.models import Campaign, State

logger = logging.getLogger(__name__)

# A relay that is away comes back: eight tries over about two hours. SMTPException is an OSError.
MAIL = {"autoretry_for": (OSError,), "retry_backoff": 30, "retry_backoff_max": 3600, "max_retries": 8}


@shared_task(name="campaigns.start_due")  # type: ignore[untyped-decorator]
def start_due() -> int:
    """Start what is due; how many began. One campaign that cannot start keeps no other from starting.

    Occurrences that come while the instance before is still being sent are written down as missed.
    """
    moment = now()
    for campaign in list(Campaign.objects.overtaken(moment)):
        with suppress(CampaignError):  # it has just finished, or somebody else was quicker
            lifecycle.miss(campaign, at=moment)
    due = Campaign.objects.due(moment).order_by("scheduled_at", "pk")
    return sum(_start(campaign) for campaign in list(due))


def _start(campaign: Campaign) -> bool:
    try:
        return bool(lifecycle.start(campaign).state == State.CALCULATING)
    except CampaignError as refusal:
        logger.info("%s was not started: %s", campaign.public_id, refusal)  # somebody was quicker
    except DatabaseError:
        logger.exception("%s could not be started now; the next tick tries again", campaign.public_id)
    except Exception as error:
        logger.exception("%s cannot be started", campaign.public_id)
        with suppress(CampaignError):  # somebody cancelled it meanwhile
            lifecycle.fail(campaign, reason=f"It could not be started: {error!r}")
    return False


def queue_notice(campaign_id: int) -> None:
    """Reaction to every verb that may end with an approval asked for."""
    if Campaign.objects.filter(pk=campaign_id, state=State.PENDING_APPROVAL).exists():
        notify_approvers.delay(campaign_id)


def queue_decision(campaign_id: int) -> None:
    """Reaction to approving and rejecting."""
    notify_submitter.delay(campaign_id)


@shared_task(name="campaigns.notify_approvers")  # type: ignore[untyped-decorator]
def notify_approvers(campaign_id: int) -> None:
    """One task a mail, so that one address that fails repeats no other."""
    campaign = Campaign.objects.kept().select_related("organization").get(pk=campaign_id)
    for approver in approval.approvers_of(campaign).exclude(email=""):
        notify_approver.delay(campaign_id, approver.pk)


@shared_task(name="campaigns.notify_approver", **MAIL)  # type: ignore[untyped-decorator]
def notify_approver(campaign_id: int, approver_id: int) -> None:
    campaign = Campaign.objects.select_related("organization", "submitted_by").get(pk=campaign_id)
    if campaign.state == State.PENDING_APPROVAL and not campaign.deleted_at:
        notices.approval_asked(campaign, User.objects.get(pk=approver_id)).send()


@shared_task(name="campaigns.notify_submitter", **MAIL)  # type: ignore[untyped-decorator]
def notify_submitter(campaign_id: int) -> None:
    campaign = Campaign.objects.select_related("organization").get(pk=campaign_id)
    decision = campaign.events.filter(verb__in=["approve", "reject"]).select_related("by").last()
    submitter = User.objects.filter(pk=decision.data.get("submitted_by")).first() if decision else None
    if decision and submitter and submitter.email and submitter.is_active and submitter != decision.by:
        notices.approval_decided(campaign, decision, submitter).send()

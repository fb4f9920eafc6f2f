"""Copies for seed addresses: each content of a campaign once, as it begins, untracked and counted as nobody's message.

A copy is written down before it goes out. Who is killed in between leaves it unsent rather than sent twice.
"""

import logging
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from campaigns.models import Campaign, CampaignRun, Channel, ContentSnapshot
from content.addressing import Addressing
from content.errors import ContentError
from delivery import direct
from delivery.headers import ascii_domain
from delivery.models import SeedCopy
from delivery.rendering import Source, compiled
from delivery.retries import Accepted, Outcome
from delivery.transports import Message, Unreachable
from delivery.transports.choice import transport_for
from tracking.bounces.return_addresses import return_address

logger = logging.getLogger(__name__)

AGAIN_WITHIN = timedelta(hours=1)


def send(campaign_id: int) -> int:
    """Send the copies of the latest run that nobody has sent yet; how many were taken."""
    run = CampaignRun.objects.select_related("campaign__organization").filter(campaign=campaign_id).last()
    if run is None or run.frozen_at is None or run.campaign.channel != Channel.EMAIL:
        return 0
    copies = [
        copy
        for content in run.contents.order_by("variant_id")
        for address in _addresses(run.campaign)
        if (copy := _claimed(run, content, address)) is not None
    ]
    return _deliver(run, copies) if copies else 0


def unsent_ids(at: datetime) -> list[int]:
    """Campaigns that have just begun and have seed addresses, none of which has got anything."""
    begun = Campaign.objects.filter(runs__frozen_at__gte=at - AGAIN_WITHIN, dispatch__seed_lists__isnull=False)
    return list(begun.filter(Q(runs__seed_copies=None)).values_list("pk", flat=True).distinct())


def _addresses(campaign: Campaign) -> list[str]:
    lists = campaign.dispatch.seed_lists.order_by("pk") if hasattr(campaign, "dispatch") else []
    return list(dict.fromkeys(address for seeds in lists for address in seeds.addresses))


def _claimed(run: CampaignRun, content: ContentSnapshot, address: str) -> SeedCopy | None:
    try:
        with transaction.atomic():
            return SeedCopy.objects.create(run=run, variant_id=content.variant_id, address=address)
    except IntegrityError:  # sent already, or being sent by somebody else
        return None


def _deliver(run: CampaignRun, copies: list[SeedCopy]) -> int:
    contents = {content.variant_id: content for content in run.contents.all()}
    messages = [_message(run, contents[copy.variant_id], copy) for copy in copies]
    transport = transport_for(Channel.EMAIL, organization_id=run.campaign.organization_id, patience=direct.PATIENCE)
    outcomes: dict[int, Outcome] = {}
    try:
        outcomes = direct.send([message for message in messages if message], transport)
    except Unreachable as error:
        logger.warning("Seed copies of %s were not sent: %s", run, error)
    for copy in copies:
        outcome = outcomes.get(copy.pk)
        copy.is_accepted = isinstance(outcome, Accepted)
        copy.answer = str(getattr(outcome, "text", "") or "")[:500]
        copy.save(update_fields=["is_accepted", "answer"])
    return sum(copy.is_accepted for copy in copies)


def _message(run: CampaignRun, content: ContentSnapshot, copy: SeedCopy) -> Message | None:
    source = Source.of(content, run_id=0, fields=content.known_fields, tracked=False)
    domain = ascii_domain(content.from_email.rpartition("@")[2]) or "localhost"
    addressing = Addressing(
        recipient_id=0,
        subscriber_id=0,
        to_address=copy.address,
        message_id=f"<seed.{secrets.token_hex(10)}@{domain}>",
        headers=(("Feedback-ID", f"seed:{run.campaign.public_id}:{run.campaign.organization.public_id}:broadsheet"),),
    )
    try:
        raw = compiled(source, settings.BASE_URL).render({}, addressing)
    except (ContentError, ValueError) as error:
        logger.warning("A seed copy of %s cannot be made: %s", run, error)
        return None
    sender = return_address(run_id=0, recipient_id=0, default=content.from_email)
    return Message(copy.pk, sender, copy.address, raw)

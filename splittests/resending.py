"""Auto-resend: a campaign once more, under another subject, to whoever has not opened it.

The resend is a campaign of its own, the original's child, with its own run and figures. It is made by the clock, once:
whoever makes it holds the row that names it. Its people are not chosen by lists and segments but are those of the
original's run (`again`), written down by the same freeze as any others.
"""

from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.timezone import now

from accounts.actors import SYSTEM, Actor
from accounts.permissions import Permission, may
from audience.fields import known_keys
from campaigns import lifecycle, merge_fields
from campaigns.approval import EMAIL_FIELDS
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import (
    EDITABLE,
    RUNNING,
    Campaign,
    CampaignEvent,
    CampaignRun,
    Channel,
    ContentSnapshot,
    ScheduleType,
    State,
    Variant,
)
from campaigns.transitions import record
from content import preflight
from content.models import Email
from content.preflight import Finding
from delivery import dispatches
from delivery.audiences import Again
from delivery.models import Recipient
from splittests.models import AutoResend, SplitTestRun
from stats.figures import Figures, Results
from stats.listings import for_campaigns
from stats.models import Engagement

SETTINGS = ("enabled", "wait_days", "subject", "preheader")
LOOKED_AT = ("wait_days", "subject", "preheader")

# --- planning ----------------------------------------------------------------------------------------------------


def set_auto_resend(campaign: Campaign, *, by: Actor, **settings: Any) -> AutoResend:
    """The campaign's auto-resend, with these of SETTINGS (`enabled` unless it says otherwise) and what it had, or the
    defaults, for the others.

    Until sending begins it voids an approval; afterwards it can be changed until the resend is made. Raises NotReady by
    setting (also `channel` and `schedule_type`), Locked, NotAllowed.
    """
    if unknown := settings.keys() - set(SETTINGS):
        raise NotReady({name: ["There is no such setting."] for name in sorted(unknown)})
    with transaction.atomic():
        campaign = _changeable(campaign, by)
        row = AutoResend.objects.filter(campaign=campaign).first() or AutoResend(campaign=campaign)
        before = {name: getattr(row, name) for name in SETTINGS}
        for name, value in {"enabled": True, **settings}.items():
            setattr(row, name, value.strip() if isinstance(value, str) else value)
        _require_valid(row)
        if row.pk and before == {name: getattr(row, name) for name in SETTINGS}:
            return row
        row.set_by, row.set_at = by.user, now()
        row.save()
        _tell(campaign, by, "Changed the auto-resend." if row.enabled else "Switched the auto-resend off.")
    return row


def _changeable(campaign: Campaign, by: Actor) -> Campaign:
    row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
    if not may(by.user, Permission.UPDATE, row.organization):
        raise NotAllowed(f"You may not update campaigns of {row.organization}.")
    if row.deleted_at or row.state == State.CANCELLED:
        raise Locked("It was deleted or cancelled, and goes to nobody once more.")
    if AutoResend.objects.filter(campaign=row, made_at__isnull=False).exists():
        raise Locked("The resend has been made already.")
    return row


def _require_valid(row: AutoResend) -> None:
    problems: dict[str, list[str]] = {}
    try:
        row.full_clean(validate_constraints=False)
    except ValidationError as error:
        problems = error.message_dict
    if row.enabled:
        problems |= _problems(row)
    if problems:
        raise NotReady(problems)


def _problems(row: AutoResend) -> dict[str, list[str]]:
    campaign, found = row.campaign, {}
    if not row.subject:
        found["subject"] = ["Say under which subject it goes out once more."]
    if campaign.channel == Channel.SMS:
        found["channel"] = ["Nobody can tell who has opened an SMS, so none is sent once more."]
    if AutoResend.objects.filter(child=campaign).exists():
        found["enabled"] = ["It is a resend itself, and goes to nobody a third time."]
    return found | refused(campaign, campaign.schedule_type, row)


def refused(campaign: Campaign, schedule_type: str, row: AutoResend | None = None) -> dict[str, list[str]]:
    """For `campaigns.schedules`: what recurs goes out anew each time, not once more; and of what is not tracked nobody
    can tell who has opened it."""
    if schedule_type == ScheduleType.RECURSIVE and is_resend(campaign):
        return {"schedule_type": ["It is a resend, and goes to nobody a third time."]}
    planned = row or AutoResend.objects.filter(campaign=campaign, enabled=True).first()
    if planned is None:
        return {}
    found = {}
    if schedule_type == ScheduleType.RECURSIVE:
        found["schedule_type"] = ["What recurs cannot be sent once more to non-openers as well."]
    if not dispatches.of(campaign).tracks_opens:
        found["auto_resend"] = ["Its opens are not tracked, so nobody can tell who has not opened it."]
    return found


def findings(campaign: Campaign) -> list[Finding]:
    """For `campaigns.completeness`: what is wrong with the other subject and preheader alone."""
    row = AutoResend.objects.filter(campaign=campaign, enabled=True).first()
    variant = campaign.variants.filter(email__isnull=False).select_related("email").order_by("position").first()
    if row is None or variant is None or variant.email is None:
        return []
    again = copy(variant.email)
    again.subject, again.preheader = row.subject, row.preheader or again.preheader
    known = {finding.message for finding in _checked(campaign, variant.email)}
    return [
        replace(finding, field="auto_resend", message=f"Once more: {finding.message}")
        for finding in _checked(campaign, again)
        if finding.message not in known
    ]


def _checked(campaign: Campaign, email: Email) -> list[Finding]:
    keys = known_keys(campaign.organization)
    return preflight.check_email(email, known_keys=keys, fields=merge_fields.of_email(email))


def _tell(campaign: Campaign, by: Actor, reason: str) -> None:
    if campaign.state in EDITABLE:
        lifecycle.edited(campaign, by=by, reason=reason)
    else:
        record(campaign, "edit", by=by, before=campaign.state, reason=reason)


def copied(campaign: Campaign, twin: Campaign) -> None:
    """The same plan for a copy of the campaign; what was made of it is not copied."""
    row = AutoResend.objects.filter(campaign=campaign).first()
    if row is not None:
        kept = {name: getattr(row, name) for name in SETTINGS}
        AutoResend.objects.create(campaign=twin, set_by=twin.created_by, set_at=now(), **kept)


def looked_at(campaign: Campaign) -> dict[str, dict[str, Any]]:
    """What an approver looks at of it, as JSON; nothing where nothing goes out once more."""
    row = AutoResend.objects.filter(campaign=campaign, enabled=True).first()
    return {"auto_resend": {name: getattr(row, name) for name in LOOKED_AT}} if row else {}


# --- the resend --------------------------------------------------------------------------------------------------


def due(at: datetime) -> list[AutoResend]:
    """What is to be made now: of campaigns that are sent to somebody, and were long enough ago. Not of those that were
    cancelled, failed or deleted."""
    sent = CampaignRun.objects.filter(campaign=OuterRef("campaign"), sent__gt=0)
    rows = AutoResend.objects.filter(
        Exists(sent),
        enabled=True,
        made_at__isnull=True,
        campaign__state=State.SENT,
        campaign__deleted_at__isnull=True,
        campaign__finished_at__lte=at - timedelta(days=1),
        campaign__organization__is_active=True,
    )
    return [row for row in rows.select_related("campaign") if (goes := goes_out_at(row)) and goes <= at]


def goes_out_at(row: AutoResend) -> datetime | None:
    """When the resend is made; None while its campaign is being sent, and where it was stopped."""
    finished_at = row.campaign.finished_at
    return finished_at + row.waiting_time if finished_at and row.campaign.state == State.SENT else None


def make(row: AutoResend) -> Campaign | None:
    """The resend, on its way; None where somebody was quicker, or it is not due any more.

    What is incomplete stays a draft, and says why (`problem`). Without an approval that covers it, where one is needed,
    it waits for an approver.
    """
    with transaction.atomic():
        Campaign.objects.select_for_update(of=("self",)).get(pk=row.campaign_id)
        row = AutoResend.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=row.pk)
        if row not in due(now()):
            return None
        child = _written(row)
        row.child, row.made_at = child, now()
        row.save(update_fields=["child", "made_at"])
        _send(row, child)
    return child


def _send(row: AutoResend, child: Campaign) -> None:
    original = row.campaign
    later = bool(row.set_at and original.started_at and row.set_at > original.started_at)
    answerable = row.set_by if later else original.submitted_by
    try:
        with transaction.atomic():
            lifecycle.follow(child, original, answerable=answerable, is_covered=_is_covered(original))
    except NotReady as refusal:
        AutoResend.objects.filter(pk=row.pk).update(problem=str(refusal)[:500])


def _is_covered(original: Campaign) -> bool:
    """Whether who approved the original has seen what goes out once more, as it is planned now."""
    if not original.approved_revision:
        return False
    approved = original.revisions.filter(digest=original.approved_revision).first()
    return approved is not None and approved.looked_at.get("auto_resend") == looked_at(original).get("auto_resend")


def _written(row: AutoResend) -> Campaign:
    """A draft that says what was sent, under the other subject."""
    original, run = row.campaign, last_run(row.campaign)
    child = Campaign.objects.create(
        organization=original.organization,
        edition=original.edition,
        original=original,
        name=f"{original.name[:240]} – resend",
        channel=original.channel,
        frequency_cap_hours=original.frequency_cap_hours,
        expires_after_hours=original.expires_after_hours,
        tracks_conversions=original.tracks_conversions,
        analytics_domains=original.analytics_domains,
        created_by=original.created_by,
    )
    for content in _contents(run):
        variant = content.variant
        named = {"position": variant.position, "name": variant.name, "weight": variant.weight}
        Variant.objects.create(campaign=child, email=_email(row, child, content), **named)
    child.tags.set(original.tags.all())
    dispatches.copied(original, child)
    lifecycle.created(child, by=SYSTEM, reason=f"Resend of {original.public_id} to who has not opened it.")
    return child


def last_run(campaign: Campaign) -> CampaignRun:
    return campaign.runs.filter(frozen_at__isnull=False).order_by("number").latest("number")


def _contents(run: CampaignRun) -> list[ContentSnapshot]:
    """What each variant said; of a split test that was decided only what has won."""
    contents = ContentSnapshot.objects.filter(run=run).select_related("variant").order_by("variant__position")
    decided = SplitTestRun.objects.filter(run=run, chosen__isnull=False).first()
    return list(contents.filter(variant=decided.chosen_id) if decided else contents)


def _email(row: AutoResend, child: Campaign, content: ContentSnapshot) -> Email:
    said = {name: getattr(content, name) for name in EMAIL_FIELDS}
    said |= {"subject": row.subject, "preheader": row.preheader or content.preheader}
    return Email.objects.create(
        organization=child.organization,
        edition=child.edition,
        title=child.name if content.variant.name == "A" else f"{child.name[:250]} {content.variant.name}",
        created_by=child.created_by,
        **said,
    )


# --- its people --------------------------------------------------------------------------------------------------


def again(campaign: Campaign) -> Again | None:
    """For `delivery.audiences`: whom a resend addresses; None for any other campaign."""
    if campaign.original_id is None:
        return None
    row = AutoResend.objects.filter(child=campaign).select_related("campaign").first()
    if row is None:
        return None
    run = last_run(row.campaign)
    return Again(run=run, recipients=non_openers(run), variants=_variants(row.campaign, campaign))


def non_openers(run: CampaignRun) -> Any:
    """Recipients to whom it was sent, where it stayed, and who have neither opened, clicked nor viewed it themselves.

    What programs did does not count: who alone let a privacy proxy load the mail's images has not opened it.
    """
    reacted = Q(human_read_at__isnull=False) | Q(bounced_at__isnull=False)
    did = Engagement.objects.filter(reacted, recipient=OuterRef("pk"))
    return Recipient.objects.filter(~Exists(did), run=run, state=Recipient.State.SENT)


def _variants(original: Campaign, child: Campaign) -> dict[int, int]:
    """Everybody gets the variant they had; a single one needs no choice."""
    now_is = dict(child.variants.values_list("position", "pk"))
    if len(now_is) < 2:
        return {}
    return {pk: now_is[place] for place, pk in original.variants.values_list("position", "pk") if place in now_is}


def is_resend(campaign: Campaign) -> bool:
    """For `campaigns.completeness`: it addresses people without naming lists."""
    return campaign.original_id is not None and AutoResend.objects.filter(child=campaign).exists()


# --- the pair ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A campaign and its resend, and what people made of each. `uplift`: the resend's unique opens as a share of the
    original's; None without any."""

    original: Campaign
    resend: Campaign
    first: Figures
    second: Figures

    @property
    def uplift(self) -> float | None:
        return self.second.opened / self.first.opened if self.first.opened else None

    @property
    def opened(self) -> int:
        """By either: nobody who opened the first got the second."""
        return self.first.opened + self.second.opened


def pair(campaign: Campaign) -> Pair | None:
    """The pair this campaign is one of; None for any other."""
    rows = AutoResend.objects.filter(Q(campaign=campaign) | Q(child=campaign), child__deleted_at__isnull=True)
    row = rows.filter(child__isnull=False).select_related("campaign", "child").first()
    if row is None or row.child is None:
        return None
    found = for_campaigns([row.campaign_id, row.child.pk])
    first, second = (found.get(pk, Results()).figures for pk in (row.campaign_id, row.child.pk))
    return Pair(original=row.campaign, resend=row.child, first=first, second=second)


# --- what becomes of it with its original -------------------------------------------------------------------------


def go_with_original(event: CampaignEvent) -> None:
    """Listens to the lifecycle: who deletes a campaign deletes its resend, which is stopped first."""
    if event.verb != "delete":
        return
    rows = AutoResend.objects.filter(campaign=event.campaign_id, child__deleted_at__isnull=True)
    for row in rows.filter(child__isnull=False).select_related("child"):
        child = row.child
        assert child is not None  # noqa: S101 - asked for
        if child.state in RUNNING:
            lifecycle.cancel(child, by=SYSTEM, reason="The campaign it repeats was deleted.")
        lifecycle.delete(child, by=SYSTEM)

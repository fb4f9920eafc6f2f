"""A campaign's page: what it is, what to do next, how far it is, what it says, what happened to it."""

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin.desk import Desk, actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.permissions import Permission
from campaigns import approval, archive, completeness, drafts, lifecycle
from campaigns.admin import history, instances, send_times
from campaigns.admin.approvals import worded
from campaigns.admin.lookup import back_to, crumbs_of, of_campaign, tell_refusal
from campaigns.admin.next_step import NextStep, next_step
from campaigns.admin.progress import is_live, progress_context
from campaigns.admin.split_tests import ASKS
from campaigns.admin.verbs import VERBS
from campaigns.errors import CampaignError
from campaigns.models import Campaign, State
from delivery import dispatches


@dataclass(frozen=True, kw_only=True)
class Button:
    """A verb as it is drawn: a POST form where nothing is asked first, else a link to the question."""

    label: str
    icon: str
    url: str
    posts: bool = False
    dialog: bool = False
    tone: str = ""


@of_campaign()
def campaign_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    at = desk(request)
    step = _step(campaign, at)
    return page(
        request,
        "admin/campaigns/campaign/page.html",
        title=campaign.name,
        crumbs=crumbs_of(),
        tab="overview",
        step=step,
        primary=_button(campaign, step.primary, step),
        others=[_button(campaign, verb, step) for verb in step.others],
        rarely=[_button(campaign, verb, step) for verb in step.rarely],
        may_test=at.may(Permission.UPDATE, campaign.organization_id),
        may_edit=at.may(Permission.UPDATE, campaign.organization_id) and not campaign.is_fixed,
        may_publish=at.may(Permission.UPDATE, campaign.organization_id) and campaign.state == State.SENT,
        archive_url=archive.url_of(campaign),
        live=is_live(campaign),
        has_zones=send_times.has_zones(campaign),
        remarks=_remarks(campaign),
        variants=list(campaign.variants.select_related("email").order_by("position")),
        parts=campaign.audience.select_related("mailing_list", "segment"),
        history=history.lines(campaign),
        delivery_facts=dispatches.facts(campaign),
        **(progress_context(campaign) if campaign.is_started else {"campaign": campaign}),
        **_approval(campaign),
        **instances.context(campaign),
    )


def _step(campaign: Campaign, at: Desk) -> NextStep:
    step = next_step(
        campaign,
        lifecycle.allowed(campaign, at.user),
        problems=completeness.problems(campaign) if campaign.state == State.DRAFT else {},
        needs_approval=approval.is_required(campaign.organization, at.user),
        is_own=approval.is_own(campaign, at.user),
        may_copy=at.may(Permission.CREATE, campaign.organization_id),
    )
    asks = campaign.state == State.HOLDING and Campaign.objects.filter(ASKS, pk=campaign.pk).exists()
    if not asks or campaign.paused:
        return step
    why = "The figures show no clear difference. The rest waits until somebody chooses."
    return replace(step, what="Somebody has to choose", why=why, tone="amber")


def _remarks(campaign: Campaign) -> list[str]:
    """What preflight would have somebody look at; only before anything has left."""
    if campaign.is_fixed:
        return []
    return list(dict.fromkeys(found.message for found in completeness.findings(campaign) if not found.blocks))


def _approval(campaign: Campaign) -> dict[str, Any]:
    """What an approver needs besides: exactly what they look at, who else could, what changed since last time."""
    if campaign.state != State.PENDING_APPROVAL:
        return {}
    return {
        "revision": approval.revision(campaign),
        "approvers": approval.approvers_of(campaign),
        "changes": worded(approval.changes(campaign)),
    }


def _button(campaign: Campaign, verb: str, step: NextStep) -> Button | None:
    """None where there is nothing to do but wait."""
    match verb:
        case "":
            return None
        case "edit":
            return _fixing_button(campaign, step)
        case "report":
            url = to("campaigns_campaign_report", campaign.pk)
            return Button(label="See the report", icon="monitoring", url=url)
        case "copy":
            url = to("campaigns_campaign_copy", campaign.pk)
            return Button(label="Copy…", icon="content_copy", url=url, dialog=True)
        case _:
            return _verb_button(campaign, verb)


def _verb_button(campaign: Campaign, name: str) -> Button:
    verb = VERBS[name]
    url = to("campaigns_campaign_transition", campaign.pk, name)
    if name == "approve":
        url += f"?revision={approval.revision(campaign)}"
    button = Button(label=verb.label, icon=verb.icon, url=url, tone=verb.tone)
    return replace(button, dialog=verb.is_confirmed, posts=not verb.is_confirmed)


def _fixing_button(campaign: Campaign, step: NextStep) -> Button:
    """To where the first missing thing is written."""
    broken = (each for each, found in completeness.by_variant(campaign) if any(finding.blocks for finding in found))
    variant = next(broken, None)
    if "audience" not in step.problems and "email" in step.problems and variant and variant.email_id:
        url = f"{to('content_email_change', variant.email_id)}?campaign={campaign.pk}"
        which = "the email" if campaign.variants.count() == 1 else f"the email of {variant.name}"
        return Button(label=f"Write {which}", icon="edit", url=url)
    if step.problems.keys() <= {"split_test"}:
        return Button(label="Change the test", icon="edit", url=to("campaigns_campaign_variants", campaign.pk))
    return Button(label="Edit campaign", icon="edit", url=to("campaigns_campaign_edit", campaign.pk))


@of_campaign(Permission.UPDATE)
def publish(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Put it into the archive, or take it out: also long after it was sent."""
    is_public = request.POST.get("is_public") == "yes"
    try:
        drafts.edit(campaign, by=actor(request), is_public=is_public)
    except CampaignError as refused:
        tell_refusal(request, refused)
        return back_to(campaign)
    messages.success(request, "Anybody may read it in the archive now." if is_public else "It left the archive.")
    return back_to(campaign)


# --- copy --------------------------------------------------------------------------------------------------------


class CopyForm(DeskForm):
    name = forms.CharField(max_length=255, label="Name of the copy")


@of_campaign(Permission.CREATE)
def copy(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Ask for a name on GET; make the copy on POST."""
    form = CopyForm(request.POST or None, initial={"name": f"Copy of {campaign.name}"[:255]})
    if request.method != "POST" or not form.is_valid():
        template = "admin/campaigns/campaign/copy.html"
        return page(request, template, title="Copy", crumbs=crumbs_of(campaign), campaign=campaign, form=form)
    try:
        twin = drafts.copy(campaign, by=actor(request), name=form.cleaned_data["name"])
    except CampaignError as refused:
        tell_refusal(request, refused)
        return back_to(campaign)
    messages.success(request, f"“{twin.name}” is a draft with the same content and audience.")
    return redirect(to("campaigns_campaign_change", twin.pk))

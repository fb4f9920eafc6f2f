"""Moving a campaign along its life: ask first where it hurts, then one POST, one verb of the lifecycle.

A GET asks and changes nothing; only a POST with its CSRF token acts.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.admin.desk import actor
from accounts.admin.pages import DeskForm, next_address, page, to
from campaigns import approval, lifecycle, possible
from campaigns.admin.instances import recurrence_of
from campaigns.admin.lookup import back_to, campaign_of, crumbs_of, tell_refusal
from campaigns.admin.scheduling import ScheduleForm
from campaigns.admin.split_tests import ChoiceForm
from campaigns.admin.verbs import VERBS, Verb, button_of, told
from campaigns.errors import CampaignError
from campaigns.models import REASON_LENGTH, Campaign


class NoteForm(DeskForm):
    """A remark for the history; `revision` is what the approver looked at."""

    reason = forms.CharField(
        label="Note",
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the history.",
    )
    revision = forms.CharField(required=False, widget=forms.HiddenInput)


class ReasonForm(NoteForm):
    reason = forms.CharField(
        label="What should be changed?",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
        error_messages={"required": "Say why, so that the author knows what to change."},
    )


def transition(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """`<pk>/transitions/<verb>/`: the confirmation on GET, the act on POST."""
    if verb not in VERBS:
        raise Http404
    campaign, chosen = campaign_of(request, pk), VERBS[verb]
    form = _form(request, campaign, chosen)
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return _ask(request, campaign, chosen, form)
    return _act(request, campaign, chosen, form)


def _form(request: HttpRequest, campaign: Campaign, verb: Verb) -> DeskForm | None:
    data = request.POST if request.method == "POST" else None
    match verb.asks:
        case "schedule":
            return ScheduleForm(data, campaign=campaign)
        case "reason":
            return ReasonForm(data)
        case "choice":
            return ChoiceForm(data, campaign=campaign)
        case "note":
            shown = request.GET.get("revision", "")
            return NoteForm(data, initial={"revision": shown or approval.revision(campaign)})
        case _:
            return None


def _ask(request: HttpRequest, campaign: Campaign, verb: Verb, form: DeskForm | None) -> HttpResponse:
    if verb.name not in lifecycle.allowed(campaign, actor(request).user):
        return _refuse(request, campaign, verb)
    needs_approval = approval.is_required(campaign.organization, actor(request).user)
    return page(
        request,
        "admin/campaigns/campaign/confirm.html",
        title=verb.label.rstrip("…"),
        crumbs=crumbs_of(campaign),
        campaign=campaign,
        verb=verb,
        question=verb.question.format(name=campaign.name) or f"{verb.label} “{campaign.name}”?",
        form=form,
        needs_approval=needs_approval,
        button=button_of(verb, needs_approval=needs_approval),
        failed=possible.failed_recipients(campaign),
        recurrence=recurrence_of(campaign),
        next=request.GET.get("next", ""),
        status=422 if request.method == "POST" else 200,
    )


def _refuse(request: HttpRequest, campaign: Campaign, verb: Verb) -> HttpResponse:
    """Say why the act cannot be confirmed any more; somebody else may have been quicker."""
    messages.error(request, f"{verb.label.rstrip('…')} is not possible with “{campaign.name}” now. Below is what is.")
    return back_to(campaign)


def _act(request: HttpRequest, campaign: Campaign, verb: Verb, form: DeskForm | None) -> HttpResponse:
    given: dict[str, Any] = dict(form.cleaned_data) if form else {}
    if verb.name == "approve" and not given["revision"]:
        messages.error(request, "An approval says what was looked at. Look at the campaign, then approve it.")
        return back_to(campaign)
    try:
        if isinstance(form, ScheduleForm):
            given["schedule"] = form.schedule
        moved = verb.act(campaign, actor(request), given)
    except CampaignError as refused:
        tell_refusal(request, refused)
        return back_to(campaign)
    messages.success(request, told(verb, moved))
    if verb.name == "delete":
        return redirect(to("campaigns_campaign_changelist"))
    return redirect(next_address(request, to("campaigns_campaign_change", campaign.pk)))

"""The page of a campaign's variants: what else it could say, and how the best of them is found."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.admin.desk import actor
from accounts.admin.pages import fragment, page, to
from accounts.permissions import Permission
from campaigns import variants
from campaigns.admin.estimates import estimate_of
from campaigns.admin.lookup import back_to, crumbs_of, explain, of_campaign
from campaigns.admin.variant_sizes import shown_sizes
from campaigns.admin.variants_form import CONTENT, EXISTING, TEST, VariantsForm, initial_of
from campaigns.completeness import ALSO_CHECKED
from campaigns.errors import CampaignError
from campaigns.models import EDITABLE, Campaign
from splittests import planning
from splittests.models import SplitTest


@of_campaign(Permission.UPDATE)
def variants_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Every button saves all that is typed, and then does what it says."""
    if campaign.state not in EDITABLE:
        messages.error(request, "It has been sent, so its variants cannot be changed any more. Copy it instead.")
        return back_to(campaign)
    form = _form(request, campaign)
    if request.method == "POST" and form.is_valid() and _save(request, campaign, form):
        return _after(request, campaign, form)
    return page(
        request,
        "admin/campaigns/campaign/variants.html",
        title="Variants",
        crumbs=crumbs_of(campaign),
        campaign=campaign,
        form=form,
        may_add=len(form.variants) < variants.MOST,
        next_name=chr(ord("A") + len(form.variants)),
        remarks=[finding for check in ALSO_CHECKED for finding in check(campaign)],
        adding=request.POST.get("act") == "add",
        status=422 if form.is_bound else 200,
    )


def _form(request: HttpRequest, campaign: Campaign) -> VariantsForm:
    test = SplitTest.objects.filter(campaign=campaign).first()
    initial = initial_of(test, seen=variants.seen(campaign))
    return VariantsForm(request.POST or None, campaign=campaign, initial=initial)


def _save(request: HttpRequest, campaign: Campaign, form: VariantsForm) -> bool:
    """All or nothing; what is refused is said on the form."""
    act, _, place = request.POST.get("act", "").partition("-")
    if act == "add" and not form.require_new():
        return False
    try:
        with transaction.atomic():
            _save_plan(request, campaign, form)
            _act(request, campaign, form, act, int(place) if place.isdecimal() and len(place) < 4 else -1)
    except CampaignError as refused:
        form.add_error(None, explain(refused))
        return False
    return True


def _save_plan(request: HttpRequest, campaign: Campaign, form: VariantsForm) -> None:
    by, looking_at = actor(request), form.cleaned_data["seen"]
    variants.weigh(campaign, form.weights, texts=form.texts, by=by, looking_at=looking_at)
    if form.cleaned_data["mode"] == TEST:
        planning.plan(campaign, by=by, **form.settings)
    else:
        planning.drop(campaign, by=by)


def _act(request: HttpRequest, campaign: Campaign, form: VariantsForm, act: str, place: int) -> None:
    by, given = actor(request), form.cleaned_data
    match act:
        case "add":
            email = given["email"] if given["how"] == EXISTING and not form.is_sms else None
            subject = "" if given["how"] == CONTENT else given["subject"].strip()
            variants.add(campaign, email=email, sms_body=given["sms_body"], subject=subject, by=by)
        case "remove":
            variants.remove(campaign, place, by=by)
        case "up":
            variants.move(campaign, place, place - 1, by=by)
        case "down":
            variants.move(campaign, place, place + 1, by=by)


def _after(request: HttpRequest, campaign: Campaign, form: VariantsForm) -> HttpResponse:
    act, _, _place = request.POST.get("act", "").partition("-")
    if not act:
        messages.success(request, "The variants are saved.")
        return back_to(campaign)
    if act == "add" and form.cleaned_data["how"] == CONTENT and not form.is_sms:
        added: Any = campaign.variants.select_related("email").order_by("position").last()
        messages.success(request, f"{added.name} says what A says. Rewrite it here.")
        return redirect(f"{to('content_email_change', added.email_id)}?campaign={campaign.pk}")
    if act == "remove":
        messages.success(request, "It is taken out. An email stays among your emails, and can be added again.")
    return redirect(to("campaigns_campaign_variants", campaign.pk))


@require_POST
@of_campaign()
def numbers(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """How many people what is typed is about, and what it can show; nothing is saved."""
    form, shown = _form(request, campaign), None
    if form.is_valid() and any(form.weights):
        test = SplitTest(campaign=campaign, **form.settings) if form.wants_test else None
        names, people = [each.name for each in form.variants], estimate_of(campaign).mailable
        shown = shown_sizes(campaign, people, test=test, weights=form.weights, names=names)
    template = "admin/campaigns/campaign/variant_sizes.html"
    return fragment(request, template, campaign=campaign, sizes=shown, typed=True)

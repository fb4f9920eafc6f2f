"""Whose time it is when, on a campaign's page and beside the time one chooses; and once more to non-openers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, fragment, page
from accounts.permissions import Permission
from campaigns import local_times
from campaigns.admin.lookup import back_to, crumbs_of, explain, of_campaign
from campaigns.errors import CampaignError
from campaigns.models import Campaign, Channel, ScheduleType, State
from delivery import progress, zones
from delivery.progress import ZoneProgress
from splittests import resending
from splittests.models import LONGEST_WAIT_DAYS, AutoResend

# --- each person's own time --------------------------------------------------------------------------------------


@of_campaign()
def zones_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The clocks people go by, as planned or as they are sent to; with `at`, for a time that is being chosen."""
    run = campaign.runs.filter(frozen_at__isnull=False).order_by("number").last()
    chosen = _chosen(request, campaign)
    about = chosen or campaign
    shown = zones.planned(about, now()) if run is None or chosen else progress.by_zone(run)
    return fragment(
        request,
        "admin/campaigns/campaign/zones.html",
        campaign=campaign,
        zones=shown,
        **_ends(shown),
        zone=local_times.zone_of(about),
        time=local_times.time_of_day(about) if local_times.is_local(about) else None,
        is_planned=run is None or chosen is not None,
        is_asked=chosen is not None,
        is_late=any(_is_put_off(row, about) for row in shown),
        live=run is not None and campaign.state == State.SENDING,
    )


def _chosen(request: HttpRequest, campaign: Campaign) -> Campaign | None:
    """The campaign at the time that stands in the form; None without one."""
    try:
        typed = datetime.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return None
    zone = local_times.zone_of(campaign)
    return zones.planned_for(campaign, local_times.moment(typed.replace(tzinfo=None), zone), zone)


def _ends(shown: Sequence[ZoneProgress]) -> dict[str, Any]:
    timed = [row for row in shown if row.release_at]
    return {"first": timed[0], "last": timed[-1]} if timed else {"first": None, "last": None}


def _is_put_off(row: ZoneProgress, campaign: Campaign) -> bool:
    """Whether the time had passed there, so that they get it on another day."""
    if row.release_at is None or not local_times.is_local(campaign):
        return False
    there = row.release_at.astimezone(ZoneInfo(row.zone))
    return there.date() > local_times.time_of_day(campaign).date()


def has_zones(campaign: Campaign) -> bool:
    """Whether there is anything to say of whose time it is when."""
    if campaign.local_time and not campaign.is_started:
        return True
    run = campaign.runs.filter(frozen_at__isnull=False).order_by("number").last()
    return run is not None and run.batches.exclude(zone="").exists()


# --- once more to non-openers ------------------------------------------------------------------------------------


class ResendForm(DeskForm):
    enabled = forms.BooleanField(
        label="Send it once more to who has not opened it",
        required=False,
        help_text="People who opened or clicked it themselves, left, or bounced do not get it again.",
    )
    wait_days = forms.IntegerField(
        label="Days to wait",
        required=False,
        min_value=1,
        max_value=LONGEST_WAIT_DAYS,
        initial=3,
        help_text="After the last message of the campaign was sent.",
    )
    subject = forms.CharField(
        required=False, max_length=998, help_text="Another one: the first was not opened. Merge fields are filled in."
    )
    preheader = forms.CharField(
        label="Preview text", required=False, max_length=500, help_text="Empty: that of the campaign."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("wait_days", "subject"):  # where it is switched on
            self.fields[name].is_needed = True  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("wait_days") is None and "wait_days" not in self.errors:
            given.pop("wait_days", None)
        return given


@of_campaign()
def resend_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What is planned, or the pair once the resend is there."""
    row = AutoResend.objects.filter(campaign=campaign).select_related("campaign", "child").first()
    return fragment(
        request,
        "admin/campaigns/campaign/resend.html",
        campaign=campaign,
        plan=row if row and row.enabled else None,
        goes_out_at=resending.goes_out_at(row) if row and row.enabled and campaign.state == State.SENT else None,
        pair=resending.pair(campaign),
        may_plan=may_plan(campaign) and desk(request).may(Permission.UPDATE, campaign.organization_id),
    )


def may_plan(campaign: Campaign) -> bool:
    """Until the resend is made; not for what cannot be sent once more."""
    over = campaign.state in (State.CANCELLED, State.FAILED)
    fits = campaign.channel == Channel.EMAIL and campaign.schedule_type != ScheduleType.RECURSIVE and not over
    made = AutoResend.objects.filter(campaign=campaign, made_at__isnull=False).exists()
    return fits and not made and not resending.is_resend(campaign)


@of_campaign(Permission.UPDATE)
def resend_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Ask on GET; plan, change or switch off on POST."""
    row = AutoResend.objects.filter(campaign=campaign).first()
    initial = {name: getattr(row, name) for name in resending.SETTINGS} if row else {"enabled": True}
    form = ResendForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _plan(request, form, campaign):
        return back_to(campaign)
    template = "admin/campaigns/campaign/resend_form.html"
    status = 422 if form.is_bound else 200
    crumbs = crumbs_of(campaign)
    return page(request, template, title="Once more", crumbs=crumbs, campaign=campaign, form=form, status=status)


def _plan(request: HttpRequest, form: ResendForm, campaign: Campaign) -> bool:
    try:
        row = resending.set_auto_resend(campaign, by=actor(request), **form.cleaned_data)
    except CampaignError as refused:
        form.add_error(None, forms.ValidationError(explain(refused)))
        return False
    told = "It goes out once more to who has not opened it." if row.enabled else "It does not go out once more."
    messages.success(request, told)
    return True

"""The instances of a recurring campaign: each run with its figures, the next dates, the sentence."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import page
from campaigns import calendar, recurring
from campaigns.admin.lookup import crumbs_of, of_campaign
from campaigns.local_times import zone_of
from campaigns.models import Campaign, CampaignRun, ScheduleType
from campaigns.recurrence_words import sentence
from stats.figures import Figures
from stats.listings import for_runs

LATEST, ON_A_PAGE, NEXT = 6, 50, 5


@dataclass(frozen=True)
class Instance:
    run: CampaignRun
    figures: Figures


def recurrence_of(campaign: Campaign) -> str:
    """When it recurs, as a sentence; empty where it does not."""
    kept = recurring.of(campaign) if campaign.schedule_type == ScheduleType.RECURSIVE else None
    return sentence(kept, campaign.schedule_tz) if kept else ""


def context(campaign: Campaign) -> dict[str, Any]:
    """What the campaign's page shows of it; nothing where it goes out once."""
    recurs = campaign.schedule_type == ScheduleType.RECURSIVE
    count = campaign.runs.count()
    if not recurs and count < 2:
        return {}
    coming: list[datetime] = calendar.upcoming(campaign, NEXT) if recurs else []
    return {
        "recurrence": recurrence_of(campaign),
        "recurrence_zone": zone_of(campaign),
        "coming": coming,
        "instances": _with_figures(campaign, list(campaign.runs.order_by("-number")[:LATEST])),
        "instance_count": count,
    }


@of_campaign()
def instances_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """All of them, the latest first."""
    found = Paginator(campaign.runs.order_by("-number"), ON_A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "admin/campaigns/campaign/instances_page.html",
        title="Instances",
        crumbs=crumbs_of(campaign),
        tab="instances",
        campaign=campaign,
        recurrence=recurrence_of(campaign),
        pages=found,
        instances=_with_figures(campaign, list(found)),
        instance_count=found.paginator.count,
    )


def _with_figures(campaign: Campaign, runs: list[CampaignRun]) -> list[Instance]:
    figures = for_runs(runs, campaign.channel)
    return [Instance(run, figures[run.pk].figures) for run in runs]

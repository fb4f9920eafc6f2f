"""A campaign's report: what it brought, when, by which links; and who did what, as a file."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.formats import date_format
from django.utils.text import slugify

from accounts.admin.pages import page, row_number
from campaigns.admin.lookup import crumbs_of, of_campaign
from campaigns.admin.progress import SKIP_WORDS
from campaigns.models import Campaign, Channel
from stats import exports, people
from stats.figures import DEFINITIONS, Definition, Figures
from stats.people import Chosen
from stats.report_rows import Report
from stats.reports import report
from stats.timeline import Timeline

EMAIL_TILES = (
    ("delivered", "delivery_rate"),
    ("opened", "open_rate"),
    ("clicked", "click_rate"),
    ("unsubscribed", "unsubscribe_rate"),
    ("bounced", "bounce_rate"),
    ("complained", "complaint_rate"),
)
SMS_TILES = (("delivered", "delivery_rate"), ("clicked", "click_rate"), ("unsubscribed", "unsubscribe_rate"))
LINKED = set(Chosen.values)  # figures whose people can be listed


@dataclass(frozen=True)
class Tile:
    """A figure as it is drawn: the people, their share, and what both mean."""

    definition: Definition
    count: int
    rate: float
    of: str
    chosen: str


@of_campaign()
def report_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    found = report(campaign)
    return page(
        request,
        "admin/campaigns/campaign/report.html",
        title="Report",
        crumbs=crumbs_of(campaign),
        campaign=campaign,
        tab="report",
        report=found,
        tiles=_tiles(found.figures, campaign.channel),
        more=_more(found.figures, campaign.channel),
        chart=_chart(found.timeline, campaign.channel),
        steps=[(_moment(point.at, found.timeline.step), point) for point in found.timeline.points],
        links=_links(found),
        skipped=[(SKIP_WORDS.get(reason, reason), count) for reason, count in found.skip_reasons.items()],
    )


def _tiles(figures: Figures, channel: str) -> list[Tile]:
    pairs = SMS_TILES if channel == Channel.SMS else EMAIL_TILES
    return [_tile(figures, name, rate) for name, rate in pairs]


def _tile(figures: Figures, name: str, rate: str) -> Tile:
    definition, of = DEFINITIONS[name], DEFINITIONS[DEFINITIONS[rate].denominator]
    share = f"of {getattr(figures, of.name):,} {of.label.lower()}"
    return Tile(definition, getattr(figures, name), getattr(figures, rate), share, name if name in LINKED else "")


def _more(figures: Figures, channel: str) -> list[tuple[Definition, Any]]:
    """Figures of the second row: the total loads and clicks, and the rate that needs both."""
    names = ("clicks",) if channel == Channel.SMS else ("opens", "clicks", "click_to_open_rate", "viewed")
    return [(DEFINITIONS[name], getattr(figures, name)) for name in names]


def _moment(at: Any, step: str) -> str:
    return date_format(at, "D j M" if step == "day" else "D j M, H:i")


def _chart(timeline: Timeline, channel: str) -> dict[str, Any]:
    """What the script draws: people who opened and clicked for the first time, step by step."""
    series = [{"label": "Clicked", "tone": "amber", "values": [point.clicked for point in timeline.points]}]
    if channel == Channel.EMAIL:
        opened = [point.opened for point in timeline.points]
        series.insert(0, {"label": "Opened", "tone": "blue", "values": opened})
    return {"labels": [_moment(point.at, timeline.step) for point in timeline.points], "series": series}


def _links(found: Report) -> list[dict[str, Any]]:
    """The links with bars that compare them."""
    most = max((row.clicked for row in found.links), default=0)
    return [{"row": row, "most": most} for row in found.links]


@of_campaign()
def people_csv(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Everybody who fits the page's filter, streamed."""
    chosen, link, words = chosen_people(request)
    rows = people.recipients(campaign, chosen, link_position=link, search=words)
    response = StreamingHttpResponse(exports.activity(rows), content_type="text/csv; charset=utf-8")
    name = "-".join(part for part in (slugify(campaign.name) or "campaign", chosen) if part)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response  # type: ignore[return-value]  # a view may stream


def chosen_people(request: HttpRequest) -> tuple[str, int | None, str]:
    """The filter of the people's page: which of them, by which link, whose address."""
    chosen, link = request.GET.get("state", ""), request.GET.get("link", "")
    words = request.GET.get("q", "").strip()
    return chosen if chosen in Chosen.values else Chosen.ALL, row_number(link), words

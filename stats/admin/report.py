"""A campaign's report: what it brought, when, by which links, and who did what, as a file."""

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.html import format_html
from django.utils.text import slugify

from accounts.admin.pages import page, row_number
from campaigns.admin.lookup import crumbs_of, of_campaign
from campaigns.admin.progress import SKIP_WORDS
from campaigns.models import Campaign, Channel, ContentSnapshot
from content.admin.frames import mail_frame
from content.errors import ContentError
from splittests import resending
from stats import exports, workbooks
from stats.admin import activity, charts, samples, tables
from stats.admin.click_map import Clicked, click_map
from stats.admin.hits import of_set, wants_raw
from stats.admin.tiles import average_note, explained, tiles
from stats.figures import Figures
from stats.links import links
from stats.report_rows import Report
from stats.reports import report
from stats.timeline import Timeline

OF_EMAIL = (
    *("opens", "clicks", "click_to_open_rate", "viewed", "privacy_opened"),
    *("forwarded", "converted", "conversion_rate", "revenue_cents"),
)
STEPS = (("hour", "Hours"), ("day", "Days"))
CSV = "text/csv; charset=utf-8"


@of_campaign()
def report_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    found, raw = report(campaign), wants_raw(request)
    timeline = _timeline(found, request.GET.get("by", ""))
    return page(
        request,
        "admin/campaigns/campaign/report.html",
        title="Report",
        subtitle=campaign.name,  # in the title of the browser alone
        crumbs=crumbs_of(campaign),
        campaign=campaign,
        tab="report",
        report=found,
        raw=raw,
        figures=of_set(found, raw=raw),
        tiles=tiles(found, campaign.channel, raw=raw),
        average_note=average_note(found.average),
        more=_more(of_set(found, raw=raw), campaign.channel),
        timeline=timeline,
        by=STEPS,
        chart=charts.over_time(timeline, campaign.channel, raw=raw),
        steps=charts.steps(timeline, campaign.channel, raw=raw),
        heads=charts.heads(campaign.channel),
        pair=resending.pair(campaign),
        **_tables(found, campaign, raw=raw),
    )


def _timeline(found: Report, by: str) -> Timeline:
    """The steps asked for; else those that suit how long it lasted."""
    return {"hour": found.hours, "day": found.days}.get(by, found.timeline)


def _tables(found: Report, campaign: Campaign, *, raw: bool) -> dict[str, Any]:
    lines = tables.link_lines(found.links, raw=raw)
    return {
        "links": lines,
        "mapped": _mapped(campaign, found),
        "domains": tables.domain_lines(found.domains, raw=raw),
        "programs": [
            ("clients", "Programs", tables.program_lines(found.clients, raw=raw)),
            ("devices", "Devices", tables.program_lines(found.devices, raw=raw)),
        ],
        "bounces": tables.bounce_lines(found.bounce_codes),
        "skipped": [(SKIP_WORDS.get(reason, reason), count) for reason, count in found.skip_reasons.items()],
        "columns": _columns(campaign, found),
        **samples.of_variants(campaign, found, raw=raw),
    }


def _columns(campaign: Campaign, found: Report) -> list[tuple[str, str]]:
    """The variants by name and subject, as they were sent last."""
    said = ContentSnapshot.objects.filter(run__campaign=campaign).order_by("run__number")
    subjects = dict(said.values_list("variant_id", "subject")) if len(found.variants) > 1 else {}
    return [(row.variant.name, subjects.get(row.variant.pk, "")) for row in found.variants]


def _more(figures: Figures, channel: str) -> list[tuple[str, str, str]]:
    """The second row, of figures that are there: label, value and what it means."""
    of_sms = ("clicks", "converted", "conversion_rate", "revenue_cents")
    names = of_sms if channel == Channel.SMS else OF_EMAIL
    kept = [name for name in names if getattr(figures, name) or name in ("opens", "clicks", "click_to_open_rate")]
    found = [tables.definition_of(name) for name in kept]
    return [
        (
            each.label,
            tables.shown(each, getattr(figures, each.name)),
            explained(each.name, figures) if each.is_rate else each.sentence,
        )
        for each in found
    ]


# --- the click map -----------------------------------------------------------------------------------------------


def _mapped(campaign: Campaign, found: Report) -> list[tuple[int, str]]:
    """The variants that have links to draw, by key and name."""
    with_links = {row.variant_id for row in found.links}
    if campaign.channel == Channel.SMS:
        return []
    return [(row.variant.pk, row.variant.name) for row in found.variants if row.variant.pk in with_links]


@of_campaign()
def map_body(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The mail of one variant with its clicks drawn at the links, for the sandboxed frame."""
    variant_id = row_number(request.GET.get("variant")) or 0
    said = ContentSnapshot.objects.filter(run__campaign=campaign, variant=variant_id).order_by("-run__number").first()
    if said is None:
        raise Http404("Nothing was sent of this variant.")
    rows = [row for row in links(campaign, list(campaign.variants.all())) if row.variant_id == variant_id]
    lines = tables.link_lines(rows, raw=wants_raw(request))
    clicked = {line.row.position: Clicked(people=line.people, share=line.share) for line in lines}
    try:
        drawn = click_map(said, clicked, said.known_fields)
    except ContentError as broken:
        return mail_frame(format_html("<p>The mail cannot be shown. {}</p>", str(broken)))
    return mail_frame(drawn.html)


# --- files -------------------------------------------------------------------------------------------------------


@of_campaign()
def people_csv(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Everybody who fits the page's filter, streamed."""
    chosen = activity.asked(request, campaign)
    return _file(exports.activity(chosen.rows()), CSV, campaign, chosen.words, "csv")


@of_campaign()
def people_xlsx(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The same as an Excel workbook."""
    chosen = activity.asked(request, campaign)
    return _file(exports.workbook(chosen.rows()), workbooks.CONTENT_TYPE, campaign, chosen.words, "xlsx")


def _file(pieces: Iterator[Any], kind: str, campaign: Campaign, words: str, ending: str) -> HttpResponse:
    response = StreamingHttpResponse(pieces, content_type=kind)
    name = "-".join(part for part in (slugify(campaign.name) or "campaign", words) if part)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response  # type: ignore[return-value]  # a view may stream

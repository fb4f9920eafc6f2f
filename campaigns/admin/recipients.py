"""Who a campaign went to: what became of each message, and what each person did with it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from accounts.admin.desk import actor, desk
from accounts.admin.pages import page, to
from accounts.permissions import Permission
from campaigns import lifecycle
from campaigns.admin.lookup import campaign_of, crumbs_of, of_campaign
from campaigns.admin.progress import SKIP_WORDS
from campaigns.errors import CampaignError
from campaigns.models import Campaign
from delivery.doubts import Decision, resolve_in_doubt
from delivery.models import Recipient
from stats.admin import activity
from stats.admin.activity import Asked
from stats.admin.hits import of_set
from stats.figures import Figures, Results
from stats.listings import for_campaigns, for_runs
from stats.models import Engagement
from stats.people import Chosen

TONES = {"sent": "green", "failed": "red", "in_doubt": "amber", "pending": "blue", "skipped": ""}


@of_campaign()
def recipients_page(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    asked = activity.asked(request, campaign)
    shown = activity.page_of(asked.rows(), request)
    figures = of_set(_figures(campaign, asked.run), raw=asked.raw)
    return page(
        request,
        "admin/campaigns/campaign/recipients.html",
        title="Recipients",
        crumbs=crumbs_of(campaign),
        campaign=campaign,
        tab="recipients",
        shown=shown,
        recipients=[_shown(recipient, raw=asked.raw) for recipient in shown.rows],
        choices=_choices(figures, asked.chosen),
        asked=asked,
        raw=asked.raw,
        filters=_filters(asked),
        has_instances=campaign.runs.filter(number__gt=1).exists(),
        variants=list(campaign.variants.order_by("position")),
        query=_query(request),
        may_decide=desk(request).may(Permission.UPDATE_STATE, campaign.organization_id),
        may_retry="retry_failed" in lifecycle.allowed(campaign, desk(request).user),
        retry_url=to("campaigns_campaign_transition", campaign.pk, "retry_failed"),
    )


def _figures(campaign: Campaign, number: int | None) -> Results:
    """Of the whole campaign, or of one run."""
    if number is None:
        return for_campaigns([campaign.pk]).get(campaign.pk, Results())
    run = campaign.runs.filter(number=number).first()
    return for_runs([run], campaign.channel)[run.pk] if run else Results()


def _filters(asked: Asked) -> list[tuple[str, str]]:
    """What narrows the list besides its pills, in words, by the name in the address that undoes it."""
    found = []
    if asked.link is not None:
        found.append(("link", f"clicked link {asked.link}"))
    if asked.run is not None:
        found.append(("run", f"instance {asked.run}"))
    if asked.domain:
        found.append(("domain", f"at {asked.domain}"))
    return found


def _query(request: HttpRequest) -> str:
    """The filter without the place in the list: files have all of it."""
    query = request.GET.copy()
    for name in ("after", "before", "page"):
        query.pop(name, None)
    return query.urlencode()


def _choices(figures: Figures, chosen: str) -> list[dict[str, Any]]:
    """What can be looked at, counted by the report's own figures; choices without anybody are left out."""
    counts = {choice: _count(figures, choice) for choice in Chosen}
    return [
        {"label": choice.label, "value": choice.value, "count": counts[choice], "current": chosen == choice}
        for choice in Chosen
        if counts[choice] or choice == Chosen.ALL or chosen == choice
    ]


def _count(figures: Figures, choice: Chosen) -> int:
    match choice:
        case Chosen.ALL:
            return figures.planned
        case Chosen.NOT_OPENED:
            return max(0, figures.sent - figures.opened)
        case Chosen.NOT_CLICKED:
            return max(0, figures.sent - figures.clicked)
        case _:
            return int(getattr(figures, choice.value))


def _shown(recipient: Recipient, *, raw: bool) -> dict[str, Any]:
    """A row of the table; `said` is why it was skipped or what the other side answered, `done` what they did."""
    reply = f"{recipient.reply_code or ''} {recipient.reply_text}".strip()
    return {
        "done": _done(getattr(recipient, "engagement", None), raw=raw),
        "recipient": recipient,
        "engagement": getattr(recipient, "engagement", None),
        "label": recipient.get_state_display(),
        "tone": TONES[recipient.state],
        "said": SKIP_WORDS.get(recipient.skip_reason, recipient.skip_reason) or reply,
    }


def _done(engagement: Engagement | None, *, raw: bool) -> dict[str, Any]:
    """When they opened and clicked first and how often, of people or of every hit."""
    names = ("read_at", "opens", "clicked_at", "clicks", "viewed_at")
    return {name: getattr(engagement, name if raw else f"human_{name}", None) for name in names}


def resolve(request: HttpRequest, pk: int, recipient: int) -> HttpResponse:
    """Decide about one recipient in doubt: send again, or take it as sent."""
    campaign = campaign_of(request, pk, Permission.UPDATE_STATE)
    found = get_object_or_404(Recipient, pk=recipient, run__campaign=campaign)
    decision = request.POST.get("decision", "")
    if decision not in set(Decision):
        raise Http404
    try:
        settled = resolve_in_doubt(found, decision, by=actor(request))
    except CampaignError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"{settled.address} is settled: {settled.get_state_display().lower()}.")
    return redirect(f"{to('campaigns_campaign_recipients', pk)}?state=in_doubt")

"""The last thirty days of an organization, on the first page: what was sent, what came back, whether that is good."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.timezone import get_current_timezone_name, now

from accounts.templatetags.figures import percent
from campaigns.models import Channel
from campaigns.querysets import CampaignQuerySet
from stats.admin import charts
from stats.admin.hits import of_set, wants_raw
from stats.admin.tiles import Trend, explained, trend
from stats.figures import DEFINITIONS, Definition, Figures
from stats.overviews import dashboard
from stats.report_rows import Dashboard

DAYS = 30
BEFORE = f"the {DAYS} days before"
RATES = (
    *(("delivered", "delivery_rate"), ("opened", "open_rate"), ("clicked", "click_rate")),
    ("unsubscribed", "unsubscribe_rate"),
)
NOT_OF_SMS = {"open_rate"}


@dataclass(frozen=True, kw_only=True)
class Change:
    """A figure of these days beside that of the days before. `value` is what is written large."""

    definition: Definition
    value: str
    more: str
    explained: str
    trend: Trend | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether a rate endangers what mail providers think of the sender."""

    label: str
    rate: float
    tone: str
    word: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From `watch` on somebody should look, from `act` on providers refuse mail."""

    name: str
    watch: float
    act: float
    fine: str
    watched: str
    acted: str


# Google and Yahoo ask for less than 0.1 % complaints and filter from 0.3 % on (support.google.com, "Email sender
# guidelines"). Amazon reviews senders from 5 % bounces on and pauses them at 10 % (docs.aws.amazon.com/ses, "Sending
# review process FAQs"); below 2 % nobody objects.
LIMITS = (
    Limits(
        name="bounce_rate",
        watch=0.02,
        act=0.05,
        fine="Mail providers are content below 2 %.",
        watched="Above 2 % a list has old addresses. Look at the bounce reasons in the reports.",
        acted="From 5 % on, providers look into a sender. Stop sending to the oldest addresses.",
    ),
    Limits(
        name="complaint_rate",
        watch=0.001,
        act=0.003,
        fine="Gmail and Yahoo ask for less than 0.1 %.",
        watched="Above 0.1 % mail begins to land in spam folders. Do people know why they get it?",
        acted="From 0.3 % on Gmail and Yahoo refuse mail. Send to those who opened lately until it falls.",
    ),
)


def last_days(request: HttpRequest, campaigns: CampaignQuerySet) -> dict[str, Any]:
    """What `templates/admin/stats/dashboard.html` shows of `campaigns`, which are those their reader may see."""
    raw, channels = wants_raw(request), _channels(campaigns)
    channel = _channel(request.GET.get("channel", ""), channels)
    found = dashboard(campaigns, get_current_timezone_name(), days=DAYS, channel=channel)
    return {
        "days_shown": DAYS,
        "raw": raw,
        "channel": channel,
        "channels": [each for each in Channel if each in channels],
        "last_days": found,
        "changes": _changes(found, channel, raw=raw),
        "verdicts": _verdicts(found.figures) if channel == Channel.EMAIL else [],
        "best": [(each.campaign, of_set(each, raw=raw)) for each in found.best],
        "days_chart": charts.by_day(found, channel, raw=raw),
        "days_rows": charts.rows(charts.by_day(found, channel, raw=raw)),
        "anything_back": any(
            (day.raw_opened, day.raw_clicked, day.unsubscribed, day.bounced) != (0, 0, 0, 0) for day in found.days
        ),
    }


def _channels(campaigns: CampaignQuerySet) -> set[str]:
    """Those something was sent by lately."""
    lately = campaigns.filter(started_at__gte=now() - timedelta(days=2 * DAYS))
    return set(lately.order_by().values_list("channel", flat=True).distinct())


def _channel(asked: str, channels: set[str]) -> str:
    if asked in channels:
        return asked
    return Channel.SMS if channels == {Channel.SMS} else Channel.EMAIL


def _changes(found: Dashboard, channel: str, *, raw: bool) -> list[Change]:
    here = of_set(found, raw=raw)
    before = found.raw_before if raw else found.figures_before
    rates = [pair for pair in RATES if not (channel == Channel.SMS and pair[1] in NOT_OF_SMS)]
    return [_sent(found, here, before), *(_rate(name, rate, here, before) for name, rate in rates)]


def _sent(found: Dashboard, here: Figures, before: Figures) -> Change:
    more = here.sent - before.sent
    icon = "trending_up" if more > 0 else "trending_down" if more < 0 else "trending_flat"
    words = f"{abs(more):,} {'more' if more > 0 else 'fewer'} than in {BEFORE}" if more else f"As many as in {BEFORE}"
    definition = DEFINITIONS["sent"]
    return Change(
        definition=definition,
        value=f"{here.sent:,}",
        more=f"in {found.campaigns:,} campaign{'s' if found.campaigns != 1 else ''}",
        explained=definition.sentence,
        trend=Trend(icon=icon, tone="", words=words) if before.sent else None,
    )


def _rate(name: str, rate: str, here: Figures, before: Figures) -> Change:
    return Change(
        definition=DEFINITIONS[rate],
        value=percent(getattr(here, rate)),
        more=f"{getattr(here, name):,} {'person' if getattr(here, name) == 1 else 'people'}",
        explained=explained(rate, here),
        trend=trend(rate, getattr(here, rate), getattr(before, rate), BEFORE) if before.delivered else None,
    )


def _verdicts(figures: Figures) -> list[Verdict]:
    return [_verdict(each, getattr(figures, each.name)) for each in LIMITS] if figures.sent else []


def _verdict(limits: Limits, rate: float) -> Verdict:
    label = DEFINITIONS[limits.name].label
    if rate >= limits.act:
        return Verdict(label=label, rate=rate, tone="red", word="Act", advice=limits.acted)
    if rate >= limits.watch:
        return Verdict(label=label, rate=rate, tone="amber", word="Watch", advice=limits.watched)
    return Verdict(label=label, rate=rate, tone="green", word="Good", advice=limits.fine)

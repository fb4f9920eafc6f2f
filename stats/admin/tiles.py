"""The figures at the head of a report: each with its count, its rate, what both mean, and what is usual."""

from dataclasses import dataclass

from accounts.templatetags.figures import percent
from campaigns.models import Channel
from stats.figures import DEFINITIONS, Definition, Figures
from stats.people import Chosen
from stats.report_rows import Average, Report

EMAIL = (
    ("sent", ""),
    ("delivered", "delivery_rate"),
    ("opened", "open_rate"),
    ("clicked", "click_rate"),
    ("unsubscribed", "unsubscribe_rate"),
    ("bounced", "bounce_rate"),
    ("complained", "complaint_rate"),
)
SMS = (
    ("sent", ""),
    ("delivered", "delivery_rate"),
    ("clicked", "click_rate"),
    ("unsubscribed", "unsubscribe_rate"),
    ("failed", ""),
)
OF_ALL = "total_recipients"  # what a count without a rate of its own is a part of
LESS_IS_BETTER = {"unsubscribe_rate", "bounce_rate", "complaint_rate"}
LINKED = set(Chosen.values)  # figures whose people can be listed


@dataclass(frozen=True, kw_only=True)
class Trend:
    """How a rate stands to the organization's average. `tone` repeats in colour what `words` say."""

    icon: str
    tone: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A figure as it is drawn. `rate` is None where only the count is defined; `other` is what the other set says,
    where it can differ; `chosen` is how its people are listed."""

    definition: Definition
    count: int
    rate: float | None
    of: str
    explained: str
    chosen: str = ""
    other: str = ""
    trend: Trend | None = None


def tiles(report: Report, channel: str, *, raw: bool) -> list[Tile]:
    names = SMS if channel == Channel.SMS else EMAIL
    shown, other = (report.raw, report.figures) if raw else (report.figures, report.raw)
    usual = report.average.raw if raw else report.average.figures
    return [
        _tile(shown, other, name, rate, trend=_trend(rate, shown, usual.get(rate)), raw=raw) for name, rate in names
    ]


def _tile(shown: Figures, other: Figures, name: str, rate: str, *, trend: Trend | None, raw: bool) -> Tile:
    definition = DEFINITIONS[name]
    whole = DEFINITIONS[DEFINITIONS[rate].denominator if rate else OF_ALL]
    return Tile(
        definition=definition,
        count=getattr(shown, name),
        rate=getattr(shown, rate) if rate else None,
        of=f"of {getattr(shown, whole.name):,} {whole.label.lower()}",
        explained=explained(rate, shown) if rate else definition.sentence,
        chosen=name if name in LINKED else "",
        other=f"{'People' if raw else 'Every hit'}: {getattr(other, name):,}" if definition.by_programs else "",
        trend=trend,
    )


def explained(name: str, figures: Figures) -> str:
    """What a rate is made of, with its numbers: what a person is told who asks."""
    rate = DEFINITIONS[name]
    above, below = DEFINITIONS[rate.numerator], DEFINITIONS[rate.denominator]
    numbers = f"{getattr(figures, above.name):,} {above.label.lower()} / {getattr(figures, below.name):,}"
    both = f"{above.label}: {above.sentence} {below.label}: {below.sentence}"
    return f"{rate.label}: {numbers} {below.label.lower()}. {both}"


def _trend(name: str, shown: Figures, usual: float | None) -> Trend | None:
    return trend(name, getattr(shown, name), usual, "your average") if name and usual is not None else None


def trend(name: str, value: float, usual: float, than: str) -> Trend:
    """A rate held against another: by how many points, and whether that is good."""
    difference = value - usual
    if abs(difference) < _noticed(usual):
        return Trend(icon="trending_flat", tone="", words=f"As {than}, {percent(usual)}")
    above = difference > 0
    better = above != (name in LESS_IS_BETTER)
    size = f"{points(difference)} {'above' if above else 'below'} {than} of {percent(usual)}"
    words = f"{'Better' if better else 'Worse'}: {size}"
    return Trend(icon="trending_up" if above else "trending_down", tone="green" if better else "red", words=words)


def _noticed(usual: float) -> float:
    """What is worth a word: half of the last digit that is shown."""
    return 0.0005 if usual >= 0.01 else 0.00005


def points(difference: float) -> str:
    """A difference of fractions in percentage points, unsigned."""
    size = abs(difference) * 100
    return f"{size:.1f} points" if size >= 0.1 else f"{size:.2f} points"


def average_note(average: Average) -> str:
    """What the average is made of, or when there will be one."""
    if not average.campaigns:
        return "There is no average yet: it needs another campaign that was sent to its end."
    if average.campaigns == 1:
        return "Your average is that of one campaign before."
    return f"Your average is that of the last {average.campaigns} campaigns before, each counting alike."

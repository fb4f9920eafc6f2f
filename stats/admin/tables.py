"""The tables of a report: links, domains, programs, devices, bounces, variants. Each row is ready to be drawn."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from accounts.templatetags.figures import percent
from campaigns.models import Channel
from stats.admin import hits
from stats.admin.tiles import LESS_IS_BETTER, points
from stats.figures import DEFINITIONS, Definition, Figures
from stats.report_rows import DomainRow, LinkRow, ProgramRow, VariantRow
from tracking.bounces.causes import Cause

TYPES = {"hard": "For good", "soft": "For now", "other": "Otherwise"}
COMPARED = ("delivery_rate", "open_rate", "click_rate", "click_to_open_rate", "unsubscribe_rate", "bounce_rate")
COUNTED = ("sent", "delivered", "opened", "clicked", "unsubscribed", "bounced", "complained", "converted")
NOT_OF_SMS = {"opened", "open_rate", "click_to_open_rate"}
CERTAIN = 1.96  # standard errors: what is beyond them happens by chance once in twenty times


@dataclass(frozen=True, kw_only=True)
class LinkLine:
    """`people` who clicked it, `clicks` in all, and `share`: the people among all who clicked in this variant."""

    row: LinkRow
    people: int
    clicks: int
    share: float


def link_lines(rows: Sequence[LinkRow], *, raw: bool) -> list[LinkLine]:
    """Most people first. `rows` are all links of the campaign: who clicked is counted at their first link."""
    clicked = Counter[int]()
    for row in rows:
        clicked[row.variant_id] += hits.count(row, "clicked_first", raw=raw)
    lines = [_link_line(row, clicked[row.variant_id], raw=raw) for row in rows]
    return sorted(lines, key=lambda line: (-line.people, -line.clicks, line.row.variant_id, line.row.position))


def _link_line(row: LinkRow, clicked: int, *, raw: bool) -> LinkLine:
    people = hits.count(row, "clicked", raw=raw)
    return LinkLine(
        row=row,
        people=people,
        clicks=hits.count(row, "clicks", raw=raw),
        share=min(1.0, people / clicked) if clicked else 0.0,
    )


def domain_lines(rows: Sequence[DomainRow], *, raw: bool) -> list[dict[str, Any]]:
    return [{"row": row, "name": _domain(row), "figures": hits.of_set(row, raw=raw)} for row in rows]


def _domain(row: DomainRow) -> str:
    if row.others:
        return f"{row.others:,} other domain{'s' if row.others != 1 else ''}"
    return row.domain or "No domain (erased)"


def program_lines(rows: Sequence[ProgramRow], *, raw: bool) -> list[dict[str, Any]]:
    """Programs or devices that somebody of this set has used."""
    found = [
        {"name": row.name.capitalize() if row.name.islower() else row.name, "figures": hits.of_set(row, raw=raw)}
        for row in rows
    ]
    return [line for line in found if line["figures"].opened or line["figures"].clicked]


def bounce_lines(codes: dict[str, int]) -> list[dict[str, Any]]:
    """People by why their message came back first, in words where the code is one of ours."""
    return [{"code": code, "count": count, **_cause(code)} for code, count in codes.items()]


def _cause(code: str) -> dict[str, str]:
    cause = Cause.of_code(code)
    return (
        {"meaning": cause.meaning, "type": TYPES[cause.type]} if cause else {"meaning": code or "Unknown", "type": ""}
    )


# --- variants ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One figure of all variants: its values in their order, which is best, and the difference in words."""

    definition: Definition
    values: list[Any]
    best: int | None = None
    words: str = ""


def comparisons(rows: Sequence[VariantRow], channel: str, *, raw: bool) -> list[Comparison]:
    """Counts and rates of variants side by side; nothing for fewer than two."""
    if len(rows) < 2:
        return []
    found = [hits.of_set(row, raw=raw) for row in rows]
    names = [row.variant.name for row in rows]
    counted = [
        Comparison(definition=DEFINITIONS[name], values=[getattr(each, name) for each in found])
        for name in COUNTED
        if not (channel == Channel.SMS and name in NOT_OF_SMS)
    ]
    rates = [name for name in COMPARED if not (channel == Channel.SMS and name in NOT_OF_SMS)]
    return counted + [_compared(name, found, names) for name in rates]


def _compared(name: str, found: Sequence[Figures], names: Sequence[str]) -> Comparison:
    values = [getattr(each, name) for each in found]
    order = sorted(range(len(values)), key=lambda place: values[place], reverse=name not in LESS_IS_BETTER)
    first, second = order[0], order[1]
    definition = DEFINITIONS[name]
    if points(values[first] - values[second]) == points(0):
        return Comparison(definition=definition, values=values, words="No difference.")
    side = "below" if name in LESS_IS_BETTER else "above"
    words = f"{names[first]} is {points(values[first] - values[second])} {side} {names[second]}"
    if not _is_certain(found[first], found[second], definition):
        return Comparison(definition=definition, values=values, words=f"{words}; that may be chance.")
    return Comparison(definition=definition, values=values, best=first, words=f"{words}; that is hardly chance.")


def _is_certain(one: Figures, other: Figures, rate: Definition) -> bool:
    """Whether two shares differ by more than chance would have them: the z-test for two proportions, pooled."""
    hits_1, hits_2 = getattr(one, rate.numerator), getattr(other, rate.numerator)
    size_1, size_2 = getattr(one, rate.denominator), getattr(other, rate.denominator)
    if not (size_1 and size_2):
        return False
    pooled = min(1.0, (hits_1 + hits_2) / (size_1 + size_2))
    error = (pooled * (1 - pooled) * (1 / size_1 + 1 / size_2)) ** 0.5
    return bool(error) and abs(hits_1 / size_1 - hits_2 / size_2) > CERTAIN * error


def definition_of(name: str) -> Definition:
    """As pages say it, which show revenue as an amount."""
    found = DEFINITIONS[name]
    sentence = "What conversions were worth, in the unit that was reported, such as a currency."
    return replace(found, sentence=sentence) if name == "revenue_cents" else found


def shown(definition: Definition, value: Any) -> str:
    """Revenue as an amount without a unit: shops report what they want, and it is added up as it came."""
    if definition.name == "revenue_cents":
        return f"{value // 100:,}.{value % 100:02}"
    return percent(value) if definition.is_rate else f"{value:,}"

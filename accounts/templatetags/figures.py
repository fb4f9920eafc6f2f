"""Numbers as people read them."""

from datetime import timedelta

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def percent(fraction: float | None) -> str:
    """0.1234 -> 12.3 %; a share too small for one decimal is not called zero."""
    if fraction is None:
        return "–"
    if 0 < fraction < 0.001:
        return "< 0.1 %"
    return f"{fraction * 100:.1f} %" if fraction < 1 else f"{fraction * 100:.0f} %"


@register.filter
def share(part: int, whole: int) -> float:
    """How much of the whole a part is, 0..1."""
    return part / whole if whole else 0.0


@register.filter
def width(part: int, whole: int) -> str:
    """For style attributes: a percentage with a dot, whatever the language."""
    return f"{100 * part / whole:.4f}%" if whole else "0%"


@register.filter
def duration(length: timedelta | float | None) -> str:
    """About how long: “about 3 minutes”."""
    if length is None:
        return ""
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = round(seconds / size)
            return f"about {count} {unit}{'s' if count != 1 else ''}"
    return "less than a minute"


@register.simple_tag
def people(count: int) -> str:
    """“1 person”, “2,310 people”."""
    return f"{intcomma(count)} {'person' if count == 1 else 'people'}"


@register.simple_tag
def hint(text: str) -> SafeString:
    """A small question mark that explains on hover and on keyboard focus."""
    return format_html(
        '<span class="bs-tip" tabindex="0" role="note" aria-label="{}">'
        '<span class="bs-icon" aria-hidden="true">help</span>'
        '<span class="bs-tip__text" aria-hidden="true">{}</span></span>',
        text,
        text,
    )

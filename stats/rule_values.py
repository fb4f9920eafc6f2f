"""What a rule about a campaign asks, read from its JSON value and checked.

    {"campaigns": [17, "cmp_x7f..."], "email": "eml_...", "link": "https://example.com/story",
     "within": {"type": "in_last", "amount": 30, "unit": "days"}, "count": {"at_least": 3}}

Every key may be left out. Without `campaigns`, or with an empty list, it is about any campaign of the organization.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts.models import Organization
from audience.addresses import shown
from audience.criteria.values import UNITS, moved
from audience.errors import InvalidRules
from campaigns.models import Campaign, CampaignRun
from content.links import clean_url
from content.models import Email

KEYS = ("campaigns", "email", "link", "within", "count")
MOST_CAMPAIGNS = 500
LARGEST_ID = 2**63 - 1
LARGEST_COUNT = 1_000_000
LARGEST_AMOUNT = 100_000
COUNTS = {"at_least": "at least", "at_most": "at most", "exactly": "exactly"}
Span = tuple[datetime | None, datetime | None]


@dataclass(frozen=True)
class Window:
    """Times that count: from the first moment of a span on and before its second; None leaves that side open."""

    spans: tuple[Span, ...]
    words: str

    def holds(self, column: str) -> Q:
        """The column's moment lies in one of the spans."""
        return reduce(or_, (_in_span(column, span) for span in self.spans))


@dataclass(frozen=True)
class Count:
    """How often: `comparison` is one of COUNTS."""

    comparison: str
    number: int

    @property
    def words(self) -> str:
        times = "once" if self.number == 1 else f"{self.number:,} times"
        return f"{COUNTS[self.comparison]} {times}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A rule's value. `runs`: those of the campaigns named, None for any campaign. `is_about_nothing`: what it names
    belongs to somebody else or is gone, so that neither the rule nor its opposite may hold for anybody."""

    channel: str = ""
    names: tuple[str, ...] = ()
    runs: tuple[int, ...] | None = None
    email: Email | None = None
    link: str = ""
    window: Window | None = None
    count: Count | None = None
    is_about_nothing: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and when a rule is read."""

    organization: Organization
    now: datetime


def read(value: Any, place: Place, *, channel: str = "", passed_over: Collection[str] = ()) -> Asked:
    """Raises InvalidRules. With `channel`, campaigns of the others count as not there; keys in `passed_over` are not
    looked at."""
    value = {} if value is None else value
    if not isinstance(value, Mapping) or not value.keys() <= set(KEYS):
        raise InvalidRules(f"A rule about campaigns may say {', '.join(KEYS)}, and nothing else.")
    said = {key: each for key, each in value.items() if each not in (None, "", []) and key not in passed_over}
    campaigns = _campaigns(said.get("campaigns"), place, channel)
    email = _email(said.get("email"), place)
    return Asked(
        channel=channel,
        names=tuple(str(each) for each in campaigns or ()),
        runs=None if campaigns is None else _runs(campaigns),
        email=email,
        link=_link(said.get("link")),
        window=_window(said["within"], place) if "within" in said else None,
        count=_count(said["count"]) if "count" in said else None,
        is_about_nothing=campaigns == [] or ("email" in said and email is None),
    )


# --- which campaigns ---------------------------------------------------------------------------------------------


def _campaigns(wanted: Any, place: Place, channel: str) -> list[Campaign] | None:
    """The organization's own among those named; None where none is named. A deleted one counts: what people did stays
    done."""
    if wanted is None:
        return None
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not all(_is_id(each) for each in wanted):
        raise InvalidRules("Campaigns are a list of their ids.")
    if len(wanted) > MOST_CAMPAIGNS:
        raise InvalidRules(f"A rule names at most {MOST_CAMPAIGNS} campaigns.")
    known = Campaign.objects.of(place.organization).filter(_with_ids(wanted))
    return list((known.filter(channel=channel) if channel else known).order_by("pk").only("pk", "name"))


def _runs(campaigns: Sequence[Campaign]) -> tuple[int, ...]:
    """By number rather than by a join: the planner knows how many recipients each has."""
    runs = CampaignRun.objects.filter(campaign__in=campaigns)
    return tuple(runs.order_by("pk").values_list("pk", flat=True))


def _email(wanted: Any, place: Place) -> Email | None:
    if wanted is None:
        return None
    if not _is_id(wanted):
        raise InvalidRules("An email is named by its id.")
    return Email.objects.of(place.organization).filter(_with_ids([wanted])).first()


def _is_id(given: Any) -> bool:
    return isinstance(given, int | str) and not isinstance(given, bool)


def _with_ids(given: Sequence[int | str]) -> Q:
    numbers = [each for each in given if isinstance(each, int) and 0 < each <= LARGEST_ID]
    texts = [each for each in given if isinstance(each, str) and "\x00" not in each]
    return Q(pk__in=numbers) | Q(public_id__in=texts)


def _link(given: Any) -> str:
    """In the form in which clicks are kept."""
    if given is None:
        return ""
    if not isinstance(given, str) or "\x00" in given:
        raise InvalidRules("A link is written as its address.")
    return clean_url(given)


# --- when --------------------------------------------------------------------------------------------------------


def _window(given: Any, place: Place) -> Window:
    kind = given.get("type") if isinstance(given, Mapping) else None
    try:
        if kind in ("in_last", "not_in_last"):
            return _back_from_now(given, place)
        if kind in ("between", "not_between"):
            return _between(given, place)
        if kind in ("after", "before"):
            return _beside(given, place)
    except OverflowError as error:
        raise InvalidRules("That time is too far away.") from error
    raise InvalidRules("A time is in_last, not_in_last, between, not_between, after or before.")


def _back_from_now(given: Mapping[str, Any], place: Place) -> Window:
    amount, unit = given.get("amount"), given.get("unit")
    if given.keys() != {"type", "amount", "unit"} or unit not in UNITS or not _is_whole(amount, 1, LARGEST_AMOUNT):
        raise InvalidRules(f"A stretch of time is a whole number of {', '.join(UNITS)}.")
    begins = moved(place.now, -amount, unit, place.organization.timezone)
    words = f"the last {amount:,} {unit}" if amount > 1 else f"the last {unit.removesuffix('s')}"
    if given["type"] == "in_last":
        return Window(((begins, None),), f"in {words}")
    return Window(((None, begins),), f"before {words}")


def _between(given: Mapping[str, Any], place: Place) -> Window:
    if given.keys() != {"type", "from", "to"}:
        raise InvalidRules("Between two days: say from and to.")
    first, last = _day(given["from"]), _day(given["to"])
    begins, ends = _midnight(first, place), _midnight(last + timedelta(days=1), place)
    if begins >= ends:
        raise InvalidRules("A time between two days ends on its first day or later.")
    if given["type"] == "between":
        return Window(((begins, ends),), f"between {first} and {last}")
    return Window(((None, begins), (ends, None)), f"before {first} or after {last}")


def _beside(given: Mapping[str, Any], place: Place) -> Window:
    if given.keys() != {"type", "day"}:
        raise InvalidRules("Before or after a day: say which day.")
    day = _day(given["day"])
    if given["type"] == "after":
        return Window(((_midnight(day + timedelta(days=1), place), None),), f"after {day}")
    return Window(((None, _midnight(day, place)),), f"before {day}")


def _day(given: Any) -> date:
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise InvalidRules(f"{shown(str(given))} is not a day; write it like 2026-03-31.") from error


def _midnight(day: date, place: Place) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(place.organization.timezone))


def _in_span(column: str, span: Span) -> Q:
    begins, ends = span
    after = Q() if begins is None else Q(**{f"{column}__gte": begins})
    return after if ends is None else after & Q(**{f"{column}__lt": ends})


# --- how often ---------------------------------------------------------------------------------------------------


def _count(given: Any) -> Count:
    if not isinstance(given, Mapping) or len(given) != 1 or not given.keys() <= COUNTS.keys():
        raise InvalidRules(f"How often is one of {', '.join(COUNTS)}, with a number.")
    ((comparison, number),) = given.items()
    if not _is_whole(number, 0, LARGEST_COUNT):
        raise InvalidRules(f"How often is a whole number up to {LARGEST_COUNT:,}.")
    return Count(comparison, number)


def _is_whole(given: Any, smallest: int, largest: int) -> TypeGuard[int]:
    return isinstance(given, int) and not isinstance(given, bool) and smallest <= given <= largest

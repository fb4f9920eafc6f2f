"""What a Campaign.Update asks for, checked in the order of its codes before anything is written.

Only what was sent with a value changes anything; clients send every parameter there is, most of them empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from accounts import zone_labels
from api.octeth import vocabulary
from api.octeth.campaign_filters import TYPES
from api.octeth.errors import Refused
from api.octeth.ordering import folded
from api.octeth.parameters import Parameters, as_day, as_id, values
from api.octeth.registry import Call
from campaigns import recurrence, recurring, schedules
from campaigns.errors import NotReady
from campaigns.models import Campaign, ScheduleType
from campaigns.recurrence import Recurrence
from campaigns.schedules import Schedule
from campaigns.variants import HEAVIEST
from content.analytics import require_hosts
from content.models import Email
from splittests.models import AutoResend

STATUSES = {folded(word): word for word in vocabulary.STATUSES}
FEWEST, MOST = 2, 5
LEAST_SHARE = 1  # per cent
RECURRENCE_PARTS = {  # in the order of their codes; days of the week and of the month share one
    "months": ("ScheduleRecMonths", 9),
    "hours": ("ScheduleRecHours", 10),
    "minutes": ("ScheduleRecMinutes", 11),
}
DAYS = {"days_of_week": "ScheduleRecDaysOfWeek", "days_of_month": "ScheduleRecDaysOfMonth"}
RESEND = ("AutoResendWaitDays", "AutoResendSubject", "AutoResendPreHeaderText")


@dataclass(frozen=True)
class Variation:
    email: Email
    weight: int


@dataclass
class Changes:
    """What is to be changed. `status` is a word of the vocabulary; `kind`, `at` and `recurrence` are the schedule.

    `variations`: None leaves them; an empty list takes them away.
    """

    call: Call
    campaign: Campaign
    status: str = ""
    email: Email | None = None
    kind: ScheduleType | None = None
    at: datetime | None = None
    recurrence: Recurrence | None = None
    zone: str = ""
    resend: dict[str, Any] = field(default_factory=dict)
    variations: list[Variation] | None = None

    @classmethod
    def of(cls, call: Call, campaign: Campaign) -> "Changes":
        """Raises Refused with the first code that holds."""
        changes = cls(call, campaign)
        first = (_status, _hosts, _email)
        for check in (*first, _kind, _zone_early, _time, _recurrence, _zone, _past, _resend, _variations):
            check(changes)
        return changes

    @property
    def given(self) -> Parameters:
        return self.call.parameters

    @cached_property
    def stored_zone(self) -> str:
        return self.campaign.schedule_tz or self.campaign.organization.timezone

    @property
    def schedule(self) -> Schedule | None:
        """Of this request; None where it says nothing of a time."""
        if self.recurrence is not None:
            return schedules.recurring(self.recurrence, self.zone, after=now())
        return Schedule(type=ScheduleType.FUTURE, at=self.at, tz=self.zone) if self.at else None


def _status(changes: Changes) -> None:
    word = changes.given.word("CampaignStatus")
    if word and folded(word) not in STATUSES:
        raise Refused(3)
    changes.status = STATUSES.get(folded(word), "")


def _hosts(changes: Changes) -> None:
    """Octeth has no code for what is no host name; 3 is its code for a value that is not one of those it knows."""
    try:
        require_hosts(changes.given.text("GoogleAnalyticsDomains"))
    except ValidationError as problem:
        raise Refused(3) from problem


def _email(changes: Changes) -> None:
    if not changes.given.word("RelEmailID") or changes.given.id("RelEmailID") == 0:
        return
    changes.email = own_email(changes.call, changes.given.id("RelEmailID"))
    if changes.email is None:
        raise Refused(4)


def own_email(call: Call, number: int | None) -> Email | None:
    return call.who.own(Email.objects.filter(pk=number)).first() if number else None


def _kind(changes: Changes) -> None:
    word = changes.given.word("ScheduleType")
    if not word:
        return
    if folded(word) not in TYPES:
        raise Refused(5)
    changes.kind = TYPES[folded(word)]


def _zone_early(changes: Changes) -> None:
    """The zone as far as it is known; whether it may be unknown is asked later, since its code is a later one."""
    written = changes.given.word("SendTimeZone")
    changes.zone = (zone_labels.resolved(written) if written else changes.stored_zone) or ""


def _time(changes: Changes) -> None:
    """In a gap of the clocks the time moves on by the gap; of a time shown twice the first is meant."""
    day, clock = as_day(changes.given.word("SendDate")), _clock(changes.given.word("SendTime"))
    if changes.kind == ScheduleType.FUTURE:
        if day is None:
            raise Refused(6)
        if clock is None:
            raise Refused(7)
    elif changes.kind is not None or not (day or clock or changes.given.word("SendTimeZone")):
        return
    _merge_time(changes, day, clock)


def _merge_time(changes: Changes, day: date | None, clock: time | None) -> None:
    """What of day and clock was not sent is as it was, on the clock of the zone it was chosen in."""
    before = changes.campaign.scheduled_at
    local = before.astimezone(ZoneInfo(changes.stored_zone)) if before else None
    day, clock = day or (local.date() if local else None), clock or (local.time() if local else None)
    recurs = changes.kind is None and changes.campaign.schedule_type == ScheduleType.RECURSIVE
    if day and clock and changes.zone and not recurs:
        written = datetime.combine(day, clock, ZoneInfo(changes.zone))
        changes.at = datetime.fromtimestamp(written.timestamp(), tz=ZoneInfo("UTC"))


def _clock(written: str) -> time | None:
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            return datetime.strptime(written, form).time()  # noqa: DTZ007 - a time of day has no zone
        except ValueError:
            continue
    return None


def _recurrence(changes: Changes) -> None:
    """Where the request makes it recursive, everything has to be in it; else what is in it changes what was."""
    given = changes.given
    if changes.kind == ScheduleType.RECURSIVE:
        changes.recurrence = _whole_recurrence(changes)
    elif changes.kind is None and any(given.word(name) for name in _recurrence_names()):
        kept = recurring.of(changes.campaign)
        changes.recurrence = _recurrence_of(changes, kept.data if kept else {}) if kept else None
    elif changes.kind is None and given.word("SendTimeZone"):
        changes.recurrence = recurring.of(changes.campaign) if _recurs(changes) else None


def _recurs(changes: Changes) -> bool:
    return changes.campaign.schedule_type == ScheduleType.RECURSIVE


def _recurrence_names() -> list[str]:
    return [*DAYS.values(), *(name for name, _ in RECURRENCE_PARTS.values()), "ScheduleRecSendMaxInstance"]


def _whole_recurrence(changes: Changes) -> Recurrence:
    given = changes.given
    if not any(given.word(name) for name in DAYS.values()):
        raise Refused(8)
    for name, code in RECURRENCE_PARTS.values():
        if not given.word(name):
            raise Refused(code)
    if given.id("ScheduleRecSendMaxInstance") is None:
        raise Refused(12)
    return _recurrence_of(changes, {})


def _recurrence_of(changes: Changes, kept: Mapping[str, Any]) -> Recurrence:
    """Zero among days or months means every one. Raises Refused with the code of the list that makes no sense."""
    given, data = changes.given, dict(kept)
    codes = {**dict.fromkeys(DAYS, 8), **{part: code for part, (_, code) in RECURRENCE_PARTS.items()}}
    names = {**DAYS, **{part: name for part, (name, _) in RECURRENCE_PARTS.items()}}
    for part, name in names.items():
        if given.word(name):
            data[part] = _numbers(given.words(name), part, codes[part])
    if _means_every_day(given):
        data["days_of_week"] = data["days_of_month"] = []
    data["max_instances"] = given.whole("ScheduleRecSendMaxInstance", kept.get("max_instances", 0))
    try:
        return Recurrence.of(data)
    except NotReady as refusal:
        codes["max_instances"] = 12
        raise Refused(min(codes.get(name, 8) for name in refusal.problems)) from refusal


def _means_every_day(given: Parameters) -> bool:
    return any("0" in given.words(name) for name in DAYS.values())


def _numbers(words: list[str], part: str, code: int) -> list[int]:
    least, most = recurrence.BOUNDS[part]
    numbers = [as_id(word) for word in words]
    if any(number is None or number > most for number in numbers):
        raise Refused(code)
    found = [number for number in numbers if number is not None]
    return [] if least == 1 and 0 in found else found


def _zone(changes: Changes) -> None:
    if changes.given.word("SendTimeZone") and not changes.zone:
        raise Refused(13)


def _past(changes: Changes) -> None:
    if settings.OCTETH_REFUSE_PAST_TIMES and changes.kind == ScheduleType.FUTURE and changes.at and changes.at < now():
        raise Refused(27)


# --- auto-resend -------------------------------------------------------------------------------------------------


def _resend(changes: Changes) -> None:
    given = changes.given
    if not given.flag("AutoResendEnabled"):
        changes.resend = {"enabled": False} if given.word("AutoResendEnabled") else {}
        _require_no_resend_that_recurs(changes)
        return
    if given.whole("AutoResendWaitDays") < 1:
        raise Refused(14)
    if not given.text("AutoResendSubject").strip():
        raise Refused(15)
    if settings.OCTETH_PREHEADER_REQUIRED and not given.text("AutoResendPreHeaderText").strip():
        raise Refused(16)
    if changes.kind == ScheduleType.RECURSIVE or (changes.kind is None and _recurs(changes)):
        raise Refused(26)
    changes.resend = {
        "enabled": True,
        "wait_days": given.whole("AutoResendWaitDays"),
        "subject": given.text("AutoResendSubject").strip(),
        "preheader": given.text("AutoResendPreHeaderText").strip(),
    }


def _require_no_resend_that_recurs(changes: Changes) -> None:
    """A recurrence beside the resend that is planned already is refused, too."""
    planned = AutoResend.objects.filter(campaign=changes.campaign, enabled=True).exists()
    if changes.kind == ScheduleType.RECURSIVE and planned and not changes.resend:
        raise Refused(26)


# --- A/B testing -------------------------------------------------------------------------------------------------


def _variations(changes: Changes) -> None:
    if "ABTesting" not in changes.given:
        return
    tree = changes.given.tree("ABTesting")
    if tree in (None, "", [], {}):
        changes.variations = []
        return
    if not isinstance(tree, Mapping):
        raise Refused(17)
    changes.variations = _checked(changes.call, _listed(tree))


def _listed(tree: Mapping[str, Any]) -> list[Any]:
    """The items of `Variations`, which may come as a list or as a map of numbers."""
    found = tree.get("variations")
    if not isinstance(found, list | Mapping) or (isinstance(found, Mapping) and not all(map(_is_number, found))):
        raise Refused(18)
    items = list(values(found))
    if len(items) < FEWEST:
        raise Refused(21)
    if len(items) > MOST:
        raise Refused(22)
    return items


def _is_number(name: Any) -> bool:
    return as_id(name) is not None


def _checked(call: Call, items: list[Any]) -> list[Variation]:
    if any(not isinstance(item, Mapping) or _lacks(item) for item in items):
        raise Refused(23)
    pairs = [(as_id(item["emailid"]), as_id(item["weight"])) for item in items]
    if any(not email or not weight for email, weight in pairs):
        raise Refused(24)
    emails = [own_email(call, email) for email, _ in pairs]
    weights = [weight or 0 for _, weight in pairs]
    if any(email is None for email in emails):
        raise Refused(19)
    if any(100 * weight < LEAST_SHARE * sum(weights) for weight in weights):
        raise Refused(25)
    scale = max(1, -(-max(weights) // HEAVIEST))  # shares stay what they were, as far as whole numbers can
    return [Variation(email, max(1, weight // scale)) for email, weight in zip(emails, weights, strict=True) if email]


def _lacks(item: Mapping[str, Any]) -> bool:
    return any(item.get(name) in (None, "") for name in ("emailid", "weight"))

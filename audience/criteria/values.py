"""The value of a condition, read for the kind of what it is compared with, and in words."""

import ipaddress
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from audience import fields as custom_fields
from audience.addresses import shown
from audience.criteria.operators import OPERATORS, Takes, phrase
from audience.criteria.tree import Json
from audience.errors import InvalidRules
from audience.models import CustomField

Kind = CustomField.Kind
DAY_UNITS = ("days", "weeks", "months")
UNITS = ("minutes", "hours", *DAY_UNITS)
LARGEST_AMOUNT = 10_000_000
_MOMENT = timedelta(microseconds=1)  # what databases tell apart
# The kinds of rules that are no kinds of custom fields, and as what their values are written.
_WRITTEN_AS = {"address": Kind.TEXT, "moment": Kind.DATE, "tags": Kind.TEXT}


@dataclass(frozen=True)
class Window:
    """From `begins` to `ends`: of days and times of day both are part of it, of moments the end is not."""

    begins: Any
    ends: Any


@dataclass(frozen=True)
class Asked:
    """What to compare with, and how that reads."""

    value: Any
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads values for one subject. Days are those of `timezone`, and spans of time are counted from `now`."""

    label: str
    kind: str
    timezone: str = "UTC"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    choices: tuple[str, ...] = ()
    choice_labels: Mapping[str, str] = field(default_factory=dict)

    def read(self, operator: str, value: Json) -> Asked:
        """Raises InvalidRules with what is wrong with the value."""
        try:
            return self._readers[OPERATORS[operator].takes](operator, value)
        except OverflowError as error:
            raise InvalidRules(
                f"{self.label}: this lies beyond the calendar, which ends with the year 9999."
            ) from error
        except ValueError as error:
            raise InvalidRules(f"{self.label}: {error}") from error

    def phrase(self, operator: str, value: Json) -> str:
        return phrase(self.label, operator, self.kind, self.read(operator, value).words)

    @property
    def _readers(self) -> dict[Takes, Callable[[str, Json], Asked]]:
        return {
            Takes.NOTHING: lambda operator, value: Asked(None),
            Takes.VALUE: self._one,
            Takes.LIST: self._list,
            Takes.RANGE: self._range,
            Takes.SPAN: self._span,
            Takes.DAYS: self._days,
            Takes.NETWORK: self._network,
        }

    # --- one value -----------------------------------------------------------------------------------------------

    def _one(self, operator: str, value: Json) -> Asked:
        one = self._scalar(operator, value)
        if self.kind == "moment":
            written = str(value).strip()
            return Asked(self._of_moments(written, one), written if "T" in written else one)
        if self.kind in ("date", "time"):
            return Asked(Window(one, one), str(one))
        return Asked(one, self._in_words(one))

    def _scalar(self, operator: str, value: Json) -> Any:
        """A value in the form it is stored in. Raises ValueError."""
        if isinstance(value, list | dict):
            raise ValueError("Compare it with one value.")
        if self.kind == "ip":
            return str(_address(value))
        read = custom_fields.parse(self._field(operator), value)
        if read is None:
            raise ValueError("Say what to compare it with.")
        return str(read).lower() if self.kind == "address" else read

    def _field(self, operator: str) -> CustomField:
        kind = _WRITTEN_AS.get(self.kind, self.kind)
        if self.kind == "multi_choice":
            kind = Kind.CHOICE  # asked for one by one
        elif self.kind == "choice" and operator in _PARTS:
            kind = Kind.TEXT
        return CustomField(kind=kind, choices=list(self.choices))

    def _in_words(self, one: Any) -> str:
        if isinstance(one, bool):
            return "yes" if one else "no"
        if isinstance(one, int | float):
            return f"{one:,}"
        return f"“{self.choice_labels.get(one, one)}”"

    def _list(self, operator: str, value: Json) -> Asked:
        written = value if isinstance(value, list) else [value]
        if not written:
            raise ValueError("Name at least one value.")
        several = tuple(dict.fromkeys(self._scalar(operator, each) for each in written))
        joint = " and " if operator == "has_all_of" else " or "
        return Asked(several, _joined([self._in_words(one) for one in several], joint))

    def _network(self, operator: str, value: Json) -> Asked:
        network = str(ipaddress.ip_network(str(value).strip(), strict=False))
        return Asked(network, network)

    # --- from one to another -------------------------------------------------------------------------------------

    def _range(self, operator: str, value: Json) -> Asked:
        if not isinstance(value, dict) or value.keys() != {"from", "to"}:
            raise ValueError('Say between what: {"from": …, "to": …}.')
        first, last = self._one("is", value["from"]), self._one("is", value["to"])
        begins, ends = _edges(first.value)[0], _edges(last.value)[1]
        if begins > _edges(last.value)[0] and self.kind != "time":  # a night ends on the morning after
            raise ValueError(f"{first.words} lies behind {last.words}; turn them round.")
        return Asked(Window(begins, ends), f"{first.words} and {last.words}")

    # --- time that passes ----------------------------------------------------------------------------------------

    def _span(self, operator: str, value: Json) -> Asked:
        amount, unit = self._amount(value)
        in_past = operator in ("in_last", "not_in_last")
        window = self._last(amount, unit) if in_past else self._next(amount, unit)
        return Asked(window, f"{amount:,} {unit if amount != 1 else unit[:-1]}")

    def _amount(self, value: Json) -> tuple[int, str]:
        units = UNITS if self.kind == "moment" else DAY_UNITS
        if not isinstance(value, dict) or value.keys() != {"amount", "unit"} or value["unit"] not in units:
            raise ValueError(f'Say how long: {{"amount": 7, "unit": "days"}}, in {_joined(list(units), " or ")}.')
        return _whole(value["amount"], 1), str(value["unit"])

    def _last(self, amount: int, unit: str) -> Window:
        begins = moved(self.now, -amount, unit, self.timezone)
        if self.kind == "moment":
            return Window(begins, self.now + _MOMENT)
        return Window(self._day_of(begins), self._day_of(self.now))

    def _next(self, amount: int, unit: str) -> Window:
        """What is now has begun, and is not ahead any more; nor is today."""
        ends = moved(self.now, amount, unit, self.timezone)
        if self.kind == "moment":
            return Window(self.now + _MOMENT, ends + _MOMENT)
        return Window(self._day_of(moved(self.now, 1, "days", self.timezone)), self._day_of(ends))

    def _days(self, operator: str, value: Json) -> Asked:
        amount = _whole(value, 0)
        moment = moved(self.now, -amount if operator == "days_ago" else amount, "days", self.timezone)
        day = self._day_of(moment)
        window = self._of_moments(day, day) if self.kind == "moment" else Window(day, day)
        return Asked(window, f"{amount:,} {'day' if amount == 1 else 'days'}")

    def _day_of(self, moment: datetime) -> str:
        return moment.astimezone(ZoneInfo(self.timezone)).date().isoformat()

    def _of_moments(self, written: str, day: str) -> Window:
        """The moments of a day, or the one that is written as `2026-03-31T12:00`, in the organization's zone."""
        zone = ZoneInfo(self.timezone)
        if "T" in written:
            moment = datetime.fromisoformat(written)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
            return Window(moment.astimezone(UTC), moment.astimezone(UTC) + _MOMENT)
        first = date.fromisoformat(day)
        days = (first, first + timedelta(days=1))
        begins, ends = (datetime.combine(each, time(), tzinfo=zone).astimezone(UTC) for each in days)
        return Window(begins, ends)


def _edges(value: Any) -> tuple[Any, Any]:
    return (value.begins, value.ends) if isinstance(value, Window) else (value, value)


_PARTS = {
    "contains",
    "does_not_contain",
    "starts_with",
    "does_not_start_with",
    "ends_with",
    "does_not_end_with",
}


def moved(moment: datetime, amount: int, unit: str, timezone: str) -> datetime:
    """So much later, or earlier where the amount is negative.

    Minutes and hours are always as long as they are; days, weeks and months go by the calendar of the zone: the same
    time of day, and in a shorter month its last day. Raises OverflowError beyond the calendar.
    """
    if unit in ("minutes", "hours"):
        return moment + timedelta(minutes=amount * (60 if unit == "hours" else 1))
    local = moment.astimezone(ZoneInfo(timezone))
    day = _months_later(local.date(), amount) if unit == "months" else local.date()
    if unit != "months":
        day += timedelta(days=amount * (7 if unit == "weeks" else 1))
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def _months_later(day: date, amount: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("That is beyond the calendar.")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _address(value: Any) -> Any:
    text = str(value).strip()
    if "%" in text:  # a zone of somebody's own machine; no database knows those
        raise ValueError(f"{shown(text)} is not an IP address.")
    return ipaddress.ip_address(text)


def _whole(value: Any, smallest: int) -> int:
    number = custom_fields.parse(CustomField(kind=Kind.NUMBER), value)
    if not isinstance(number, int) or not smallest <= number <= LARGEST_AMOUNT:
        raise ValueError(f"{shown(str(value))} is not a whole number from {smallest} to {LARGEST_AMOUNT:,}.")
    return number


def _joined(words: list[str], joint: str) -> str:
    return joint.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]

"""Custom fields: what they may be called, the values they take, and the merge values of one person.

Values are kept as JSON by key: text and choices as strings, numbers as numbers, dates as `2026-03-31`, times of day as
`09:30` or `09:30:15`, booleans as true and false, several choices as a list in the order of the field's choices. A
field without a value has no key at all. Organization-wide values stand on the Subscriber, a list's on the Subscription.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Organization
from audience.addresses import shown
from audience.errors import InvalidFields, InvalidKey
from audience.models import CustomField, MailingList

Kind = CustomField.Kind
Value = str | int | float | bool | list[str]

BUILT_IN = frozenset({"email", "phone"})
# What every mail offers besides, and words of the merge language: a field called so could not be reached.
RESERVED = BUILT_IN | {
    "unsubscribe_url",
    "preferences_url",
    "view_url",
    "forward_url",
    "subscriber",
    "campaign",
    "organization",
}
RESERVED |= {"true", "false", "none", "and", "or", "not", "in", "is", "if", "elif", "else", "endif", "for", "endfor"}
RESERVED |= {"range", "loop", "self", "super", "caller"}
HAVE_CHOICES = frozenset({Kind.CHOICE, Kind.MULTI_CHOICE})
LONGEST_TEXT = 1000
LARGEST_NUMBER = 10**15  # whole numbers up to here are exact in every database and spreadsheet

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATES = ("%Y/%m/%d", "%d.%m.%Y")  # besides ISO 8601
_TIME = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])(?:[:.]([0-5][0-9]))?(?:\s*([ap])\.?m\.?)?", re.ASCII | re.I)
_TRUE = frozenset({"true", "yes", "y", "t", "on", "1", "x"})
_FALSE = frozenset({"false", "no", "n", "f", "off", "0"})


# --- which fields there are --------------------------------------------------------------------------------------


def known_keys(organization: Organization) -> set[str]:
    """Names an email may use as merge fields."""
    return set(BUILT_IN) | set(CustomField.objects.of(organization).values_list("key", flat=True))


def catalogue(organization: Organization) -> tuple[tuple[int, str, str], ...]:
    """Number, key and name of every field, for languages of emails that call fields by those."""
    rows = CustomField.objects.of(organization).order_by("pk").values_list("pk", "key", "name")
    return tuple(rows)


def of_list(mailing_list: MailingList) -> dict[str, CustomField]:
    """The fields people on this list may have, by key: the organization's and the list's own."""
    fields = CustomField.objects.filter(organization=mailing_list.organization_id)
    return {field.key: field for field in fields.filter(mailing_list=None) | fields.filter(mailing_list=mailing_list)}


def create(
    organization: Organization,
    *,
    key: str,
    name: str = "",
    kind: str = Kind.TEXT,
    choices: Iterable[str] = (),
    mailing_list: MailingList | None = None,
) -> CustomField:
    """A new field of the organization, or of one of its lists. Raises InvalidKey."""
    field = CustomField(
        organization=organization,
        mailing_list=mailing_list,
        key=key,
        name=name or key.replace("_", " ").capitalize(),
        kind=kind,
        choices=list(choices),
    )
    try:
        with transaction.atomic():
            # what `check` says of fields of lists and of all lists holds only if nobody makes another meanwhile
            Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).first()
            check(field)
            field.save()
    except IntegrityError as error:  # somebody made it since we looked
        raise InvalidKey(f"There is a field {key} already.") from error
    return field


def check(field: CustomField) -> None:
    """Whether this field can exist beside the others. Raises InvalidKey with what to do.

    One key means one thing to a person: it belongs to the organization or to lists, and lists that share it share
    its kind.
    """
    check_key(field.key)
    if field.mailing_list is not None and field.mailing_list.organization_id != field.organization_id:
        raise InvalidKey("The list belongs to another organization.")
    if field.kind not in Kind.values:
        raise InvalidKey(f"There is no kind of field called {shown(str(field.kind))}.")
    if field.kind in HAVE_CHOICES and not _are_choices(field.choices):
        raise InvalidKey("Say which values there are to choose from: different texts, each on one line.")
    if field.kind == Kind.MULTI_CHOICE and any("|" in choice for choice in field.choices):
        raise InvalidKey("A value to choose from cannot hold “|”, which stands between several of them.")
    for other in CustomField.objects.filter(organization=field.organization_id, key=field.key).exclude(pk=field.pk):
        _check_beside(field, other)


def _check_beside(field: CustomField, other: CustomField) -> None:
    if other.mailing_list_id == field.mailing_list_id:
        raise InvalidKey(f"There is a field {field.key} already.")
    if other.mailing_list_id is None:
        raise InvalidKey(f"The organization has a field {field.key} for all lists; use that, or another key.")
    if field.mailing_list_id is None:
        raise InvalidKey(
            f"The list {other.mailing_list} has a field {field.key}; delete that first, or use another key."
        )
    if other.kind != field.kind:
        raise InvalidKey(f"{field.key} is of the kind “{other.get_kind_display()}” on {other.mailing_list}.")


def check_key(key: str) -> None:
    """Raises InvalidKey."""
    if not _KEY.fullmatch(key):
        raise InvalidKey(
            f"{shown(key)} cannot be a key: begin with a letter, use lower-case letters, digits and underscores."
        )
    if key in RESERVED:
        raise InvalidKey(f"“{key}” has a meaning of its own in emails; use another key.")


def suggest_key(name: str) -> str:
    """A key for something called so, such as the heading of a column: `First name` becomes `first_name`."""
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:64]
    if not key or not key[0].isalpha():
        key = f"field_{key}".rstrip("_")[:64]
    return f"{key[:58]}_field" if key in RESERVED else key


def _are_choices(choices: Any) -> bool:
    return (
        isinstance(choices, list)
        and bool(choices)
        and all(
            isinstance(choice, str) and choice.strip() == choice != "" and _is_one_line(choice) for choice in choices
        )
        and len({_plain(choice) for choice in choices}) == len(choices)
    )


# --- values ------------------------------------------------------------------------------------------------------


def parse_all(fields: Mapping[str, CustomField], written: Mapping[str, Any]) -> dict[str, Value | None]:
    """The values as they are stored, by key; None where a value is to be taken away. Raises InvalidFields."""
    values: dict[str, Value | None] = {}
    problems: dict[str, str] = {}
    for key, value in written.items():
        field = fields.get(key)
        if field is None:
            problems[key] = "There is no such field."
            continue
        try:
            values[key] = parse(field, value)
        except ValueError as error:
            problems[key] = str(error)
    if problems:
        raise InvalidFields(problems)
    return values


def parse(field: CustomField, written: Any) -> Value | None:
    """The value as it is stored; None for nothing. Raises ValueError with a message fit to be shown."""
    text = written.strip() if isinstance(written, str) else written
    if text is None or text == "":
        return None
    return _PARSERS[field.kind](field, text)


def _text(field: CustomField, written: Any) -> str:
    text = str(written)
    if not _is_one_line(text):
        raise ValueError(f"{shown(text)} holds a line break or a control character.")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"The text is longer than {LONGEST_TEXT} characters.")
    return text


def _is_one_line(text: str) -> bool:
    """Nothing in it that could end a header or break a line: no control characters, no separators, no surrogates."""
    return text.isprintable() or not any(_breaks(letter) for letter in text)


def _breaks(letter: str) -> bool:
    return letter < " " or "\x7f" <= letter <= "\x9f" or letter in "\u2028\u2029" or "\ud800" <= letter <= "\udfff"


def _number(field: CustomField, written: Any) -> int | float:
    if isinstance(written, bool) or not _NUMBER.fullmatch(str(written)):
        raise ValueError(f"{shown(str(written))} is not a number; write it like 1234.5.")
    number = float(written)
    if not math.isfinite(number) or abs(number) > LARGEST_NUMBER:
        raise ValueError(f"{shown(str(written))} is too large a number.")
    return int(number) if number.is_integer() else number


def _date(field: CustomField, written: Any) -> str:
    if isinstance(written, datetime):
        return written.date().isoformat()
    if isinstance(written, date):
        return written.isoformat()
    text = str(written)
    try:
        return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        pass
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ValueError(f"{shown(text)} is not a date; write it like 2026-03-31.")


def _boolean(field: CustomField, written: Any) -> bool:
    text = str(written).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"{shown(str(written))} is neither yes nor no.")


def _choice(field: CustomField, written: Any) -> str:
    text = str(written)
    for choice in field.choices:
        if _plain(str(choice)) == _plain(text):
            return str(choice)
    raise ValueError(f"{shown(text)} is none of {', '.join(map(str, field.choices))}."[:300])


def _time(field: CustomField, written: Any) -> str:
    found = _TIME.fullmatch(written.isoformat("seconds") if isinstance(written, time) else str(written))
    if found is None:
        raise ValueError(f"{shown(str(written))} is not a time of day; write it like 09:30.")
    hour, half = int(found[1]), (found[4] or "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"{shown(str(written))} is not a time of day; write it like 09:30 or 9:30 pm.")
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    return f"{hour:02}:{found[2]}" + (f":{found[3]}" if found[3] and found[3] != "00" else "")


def _multi_choice(field: CustomField, written: Any) -> list[str] | None:
    """Those chosen, each once, in the field's order; from a list, or from text with `|` or commas between them."""
    parts = written if isinstance(written, list | tuple | set | frozenset) else _parted(field, str(written))
    chosen = {
        _choice(field, part.strip() if isinstance(part, str) else part) for part in parts if part not in ("", None)
    }
    return [choice for choice in map(str, field.choices) if choice in chosen] or None


def _parted(field: CustomField, text: str) -> list[str]:
    """The choices named in a text; a comma inside a choice is told from one between two by the longest that fits."""
    if "|" in text:
        return [part for part in map(str.strip, text.split("|")) if part]
    known = {_plain(str(choice)) for choice in field.choices}
    words = [word for word in map(str.strip, text.split(",")) if word]
    parts: list[str] = []
    while words:
        ends = (end for end in range(len(words), 1, -1) if _plain(", ".join(words[:end])) in known)
        end = next(ends, 1)
        parts.append(", ".join(words[:end]))
        words = words[end:]
    return parts


def _plain(choice: str) -> str:
    """As choices are compared: without the difference of capitals, nor of blanks around a comma."""
    return ", ".join(map(str.strip, choice.casefold().split(",")))


def as_cell(value: Any) -> Any:
    """A stored value as a cell of a file that `parse` reads back."""
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(map(str, value)) if isinstance(value, list) else value


_PARSERS: dict[str, Callable[[CustomField, Any], Value | None]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.TIME: _time,
    Kind.MULTI_CHOICE: _multi_choice,
}


def merged(stored: Mapping[str, Value], changes: Mapping[str, Value | None]) -> dict[str, Value]:
    """Stored values with these changes: None takes a key away."""
    return {key: value for key, value in {**stored, **changes}.items() if value is not None}


# --- merge values ------------------------------------------------------------------------------------------------


def person(
    subscriber_values: Mapping[str, Any], subscription_values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What an email to this person may say: the organization-wide fields, the list's, then `email` and `phone`.

    `subscriber_values` has the columns `email`, `phone` and `fields` of a Subscriber; `subscription_values` are the
    `fields` of the Subscription that reaches them, or None.
    """
    return {
        **(subscriber_values.get("fields") or {}),
        **(subscription_values or {}),
        "email": subscriber_values.get("email") or "",
        "phone": subscriber_values.get("phone") or "",
    }

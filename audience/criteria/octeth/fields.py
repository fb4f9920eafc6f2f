"""Rules of the type `fields`: columns of a subscriber, and custom fields."""

from collections.abc import Callable, Mapping
from typing import Any

from audience.addresses import shown
from audience.criteria.octeth.operators import ask, plain
from audience.criteria.octeth.place import Node, Place, nobody
from audience.criteria.tree import Condition
from audience.errors import Unanswerable

# By `field_id` in small letters: our name, and its kind.
_COLUMNS = {
    "emailaddress": ("email", "address"),
    "email": ("email", "address"),
    "subscriberid": ("subscription_id", "number"),
    "subscriptiondate": ("subscribed_at", "moment"),
    "subscriptionip": ("ip_address", "ip"),
    "optindate": ("confirmed_at", "moment"),
    "unsubscriptiondate": ("unsubscribed_at", "moment"),
    "unsubscriptionip": ("unsubscribe_ip_address", "ip"),
}
# Their words for a column, and our values each stands for. Who bounced is subscribed to them, and BounceType says more;
# who complained is unsubscribed; and nobody here waits to be unsubscribed.
_WORDS: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "subscriptionstatus": (
        "status",
        {
            "opt-in pending": ("unconfirmed",),
            "subscribed": ("subscribed", "bounced"),
            "opt-out pending": (),
            "unsubscribed": ("unsubscribed", "complained"),
        },
    ),
    "bouncetype": ("bounce", {"not bounced": ("none",), "soft": ("soft",), "hard": ("hard",)}),
}


def read(place: Place, rule: Mapping[str, Any]) -> Node:
    """Raises Unanswerable."""
    operator, named = plain(rule.get("operator")), rule.get("field_id")
    if isinstance(named, bool) or not isinstance(named, str | int):
        raise Unanswerable("A rule about a field names it in field_id.")
    if "value" not in rule and operator not in ("is set", "is not set"):
        raise Unanswerable("A rule about a field has a value to compare with.")
    value, column = rule.get("value"), str(named).strip().lower()
    if column in _WORDS:
        return _of_words(*_WORDS[column], operator, value)
    if column in _COLUMNS:
        return ask(*_COLUMNS[column], operator, value)
    field = place.custom_field(str(named))
    return ask(f"fields.{field.key}", field.kind, operator, value)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "is": lambda word, value: word == value,
    "is not": lambda word, value: word != value,
    "contains": lambda word, value: value in word,
    "does not contain": lambda word, value: value not in word,
    "begins with": lambda word, value: word.startswith(value),
    "ends with": lambda word, value: word.endswith(value),
    "is set": lambda word, value: True,
    "is not set": lambda word, value: False,
}


def _of_words(field: str, words: Mapping[str, tuple[str, ...]], operator: str, value: Any) -> Node:
    """A text rule on a column with words of its own: it is asked of each word, and those that fit are meant."""
    test = _TESTS.get(operator)
    sought = " ".join(str(value).lower().replace("_", " ").split())
    if test is None or (operator in ("is", "is not") and sought not in words):
        raise Unanswerable(f"{field} is one of {', '.join(words)}; it cannot be asked {operator} {shown(str(value))}.")
    meant = [ours for word, values in words.items() if test(word, sought) for ours in values]
    return Condition(field, "is_one_of", list(meant)) if meant else nobody(f"{field} is never “{value}” here.")

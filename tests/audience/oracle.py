"""What rules mean, said again: slow, obvious, over plain dictionaries, and without a look at how the SQL is made.

A person is {"email", "phone", "created_at", "fields": {key: value}, "rows": {list number: row}}; a row has the columns
of a subscription by name, its "fields", and "tags", a set of names. A world is {"zone", "now", "bans": [(kind, value,
"system" | "organization" | list number)], "segments": [{"lists": (numbers), "rules": tree}], "kinds": {key: kind},
"of_lists": {keys of lists' fields}}. Trees are JSON in which a list is called by its number: `list.0`, "on": 1, and a
segment by its own: `segment.0`.

An answer is True, False, or None where there is no answer; who is selected are those with True.
"""

import hashlib
import ipaddress
import re
from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

ROW_KINDS = {
    "status": "choice",
    "subscribed_at": "moment",
    "confirmed_at": "moment",
    "unsubscribed_at": "moment",
    "ip_address": "ip",
    "unsubscribe_ip_address": "ip",
    "bounce": "choice",
    "subscription_id": "number",
    "tags": "tags",
}
PERSON_KINDS = {"email": "text", "email_domain": "text", "phone": "text", "created_at": "moment"}
OPPOSITES = {
    "is_not": "is",
    "is_none_of": "is_one_of",
    "does_not_contain": "contains",
    "does_not_start_with": "starts_with",
    "does_not_end_with": "ends_with",
    "not_between": "between",
    "not_in_last": "in_last",
    "not_in_next": "in_next",
    "not_in_network": "in_network",
    "has_none_of": "has_any_of",
    "is_empty": "is_not_empty",
}


def selected(tree, world, person, row):
    """Whether the rules hold; `row` is the number of the list whose subscription is looked at, None: the person."""
    return holds(tree, world, person, row) is True


def holds(node, world, person, row, chain=()):
    if node == {}:
        return True
    if "rules" not in node:
        return _condition(node, world, person, row, chain)
    if "on" in node:
        if node["on"] not in person["rows"]:
            return False
        if not node["rules"]:
            return True
        row = node["on"]
    answers = [holds(rule, world, person, row, chain) for rule in node["rules"]]
    if node["match"] == "all":
        return _all(answers)
    some = _not(_all([_not(answer) for answer in answers]))
    return {"any": some, "not": _not(some)}[node["match"]]


def _all(answers):
    return False if False in answers else None if None in answers else True


def _not(answer):
    return None if answer is None else not answer


def _condition(node, world, person, row, chain):
    field, operator, value = node["field"], node["operator"], node.get("value")
    first, _, rest = field.partition(".")
    if field == "nobody":
        return None
    if field == "everybody":
        return True
    if first == "segment":
        inside = _in_segment(int(rest), world, person, chain)
        return inside if (operator == "is") == value else _not(inside)
    if field == "suppressed":
        return _is_suppressed(world, person, row) == (value if operator == "is" else not value)
    if field == "sample":
        return _lot(person["pk"], str(value.get("seed", ""))) < value["percent"] / 100
    if operator in OPPOSITES:
        return not _some(field, OPPOSITES[operator], value, world, person, row)
    return _some(field, operator, value, world, person, row)


def _some(field, operator, value, world, person, row):
    kind, found = _values(field, world, person, row)
    return any(_holds(kind, operator, one, value, world) for one in found if one not in (None, "", [], set()))


def _values(field, world, person, row):
    """The kind, and the values the person has: several where any of their subscriptions will do."""
    rows = list(person["rows"].values()) if row is None else [person["rows"][row]]
    first, _, rest = field.partition(".")
    if first == "list":
        on = person["rows"].get(int(rest))
        return "choice", [on and on["status"]]
    if first == "fields":
        kind = world["kinds"][rest]
        places = rows if rest in world["of_lists"] else [person]
        return kind, [_typed(kind, place["fields"].get(rest)) for place in places]
    if field in ROW_KINDS:
        return ROW_KINDS[field], [_of_row(field, each) for each in rows]
    if field == "email_domain":
        return "text", [person["email"] and person["email"].split("@")[1]]
    return PERSON_KINDS[field], [person[field]]


def _of_row(field, row):
    if field == "bounce":
        return "hard" if row["status"] == "bounced" else "none"
    return row["pk"] if field == "subscription_id" else row[field]


def _typed(kind, stored):
    """A stored value of another type counts as none."""
    types = {"number": (int, float), "boolean": bool, "multi_choice": list}.get(kind, str)
    is_truth = isinstance(stored, bool) and kind != "boolean"
    return stored if isinstance(stored, types) and not is_truth else None


def _holds(kind, operator, have, want, world):
    if operator == "is_not_empty":
        return True
    if kind in ("multi_choice", "tags"):
        have, want = {each.lower() for each in have}, {each.lower() for each in want}
        return bool(have & want) if operator == "has_any_of" else want <= have
    if kind in ("date", "moment"):
        return _in_time(kind, operator, have, want, world)
    if kind == "time":
        return _at_time(operator, have, want)
    if kind == "ip":
        return _of_network(operator, have, want)
    if kind in ("number", "boolean"):
        return _of_order(operator, have, want)
    return _of_text(operator, have, want)


def _of_order(operator, have, want):
    if operator == "is_one_of":
        return have in want
    if operator == "between":
        return want["from"] <= have <= want["to"]
    return {
        "is": lambda: have == want,
        "greater_than": lambda: have > want,
        "less_than": lambda: have < want,
        "at_least": lambda: have >= want,
        "at_most": lambda: have <= want,
    }[operator]()


def _folded(text):
    """Each letter by itself."""
    small = (each.lower() for each in text.replace("İ", "i"))
    return "".join("\u03c3" if each == "\u03c2" else each for each in small)


def _of_text(operator, have, want):
    have = _folded(have)
    if operator == "is_one_of":
        return have in [_folded(each) for each in want]
    want = _folded(want)
    if operator in ("greater_than", "less_than", "at_least", "at_most"):
        numbers = _is_number(have) and _is_number(want)
        return _of_order(operator, float(have), float(want)) if numbers else _of_order(operator, have, want)
    return {
        "is": lambda: have == want,
        "contains": lambda: want in have,
        "starts_with": lambda: have.startswith(want),
        "ends_with": lambda: have.endswith(want),
    }[operator]()


def _is_number(text):
    return re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})", text) is not None


def _of_network(operator, have, want):
    address = ipaddress.ip_address(have)
    if operator == "in_network":
        return address in ipaddress.ip_network(want, strict=False)
    wanted = want if operator == "is_one_of" else [want]
    return address in [ipaddress.ip_address(each) for each in wanted]


def _at_time(operator, have, want):
    """Seconds since midnight; what is written without seconds is the full minute."""
    if operator == "between":
        begins, ends, now = _seconds(want["from"]), _seconds(want["to"]), _seconds(have)
        return begins <= now <= ends if begins <= ends else now >= begins or now <= ends
    return _of_order(_ORDER[operator], _seconds(have), _seconds(want))


def _seconds(text):
    hours, minutes, seconds = [*map(int, text.split(":")), 0][:3]
    return hours * 3600 + minutes * 60 + seconds


# --- days and moments --------------------------------------------------------------------------------------------


def _in_time(kind, operator, have, want, world):
    zone, now = ZoneInfo(world["zone"]), world["now"]
    if operator in ("in_last", "in_next"):
        return _in_span(kind, operator, have, want, zone, now)
    day = date.fromisoformat(have) if kind == "date" else have.astimezone(zone).date()
    if operator in ("days_ago", "days_from_now"):
        return day == now.astimezone(zone).date() + timedelta(days=-want if operator == "days_ago" else want)
    if operator == "between":
        return date.fromisoformat(want["from"]) <= day <= date.fromisoformat(want["to"])
    if kind == "moment" and "T" in want:
        return _of_order(_ORDER[operator], have, datetime.fromisoformat(want).replace(tzinfo=zone))
    return _of_order(_ORDER[operator], day, date.fromisoformat(want))


_ORDER = {"is": "is", "before": "less_than", "after": "greater_than", "at_least": "at_least", "at_most": "at_most"}


def _in_span(kind, operator, have, want, zone, now):
    sign = -1 if operator == "in_last" else 1
    edge = _moved(now, sign * want["amount"], want["unit"], zone)
    if kind == "moment":
        return edge <= have <= now if operator == "in_last" else now < have <= edge
    day, today, last = date.fromisoformat(have), now.astimezone(zone).date(), edge.astimezone(zone).date()
    return last <= day <= today if operator == "in_last" else today < day <= last


def _moved(moment, amount, unit, zone):
    if unit in ("minutes", "hours"):
        return moment + amount * timedelta(**{unit: 1})
    local = moment.astimezone(zone)
    if unit != "months":
        return local + amount * timedelta(**{unit: 1})  # on the clock of the zone
    month = local.year * 12 + local.month - 1 + amount
    year, month = month // 12, month % 12 + 1
    return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]))


# --- suppression, samples, segments ------------------------------------------------------------------------------


def _is_suppressed(world, person, row):
    scopes = {"system", "organization", *(person["rows"] if row is None else [row])}
    return any(scope in scopes and _covers(kind, value, person) for kind, value, scope in world["bans"])


def _covers(kind, value, person):
    if kind == "phone":
        return not person["email"] and person["phone"] == value
    if not person["email"]:
        return False
    domain = person["email"].split("@")[1]
    labels = domain.split(".")
    above = [".".join(labels[start:]) for start in range(4)]
    return person["email"] == value if kind == "email" else value in above


def _lot(pk, seed):
    """From 0 to 1: multiplied, moved, squared, multiplied and moved again, modulo a prime, by numbers of the seed."""
    prime = 2**31 - 1
    digest = hashlib.sha256(seed.encode()).hexdigest()
    a, b, c, d = (int(digest[at : at + 16], 16) for at in (0, 16, 32, 48))
    mixed = (pk * (a % (prime - 1) + 1) + b % prime) % prime
    return (mixed * mixed % prime * (c % (prime - 1) + 1) + d % prime) % prime / prime


def _in_segment(number, world, person, chain):
    if number in chain or len(chain) == 5:
        return None
    segment = world["segments"][number]
    if segment["rules"] == "broken":
        return None
    if not segment["lists"]:
        return holds(segment["rules"], world, person, None, (*chain, number))
    ways = [
        holds(segment["rules"], world, person, n, (*chain, number)) for n in segment["lists"] if n in person["rows"]
    ]
    return True if True in ways else None if None in ways else False

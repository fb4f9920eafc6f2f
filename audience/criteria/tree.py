"""Rules as a tree, and the JSON they are kept as.

    {"match": "all", "rules": [
        {"field": "fields.town", "operator": "is", "value": "Ulm"},
        {"on": "lst_9f2c...", "match": "all", "rules": [{"field": "status", "operator": "is", "value": "subscribed"}]},
        {"match": "not", "rules": [{"field": "email_domain", "operator": "is_one_of", "value": ["a.org", "b.org"]}]}]}

`all` holds when every rule does, `any` when at least one does, `not` when none does. A group with `on` holds for who
has a subscription to that list for which it does; without rules, for who is on the list, whatever their status. `{}`
holds for everybody. Every rule language is parsed into this tree, and only this tree is compiled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audience.addresses import shown
from audience.errors import InvalidRules

DEEPEST = 10
MOST_CONDITIONS = 200
MOST_VALUES = 5000  # in all conditions together: every one becomes a parameter of the statement, some of them twice
DEEPEST_VALUE = 3
Scalar = str | int | float | bool | None
Json = Scalar | list["Json"] | dict[str, "Json"]


class Match(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"


@dataclass(frozen=True)
class Condition:
    """One question about a person; which fields and operators there are is known to `criteria.vocabulary`."""

    field: str
    operator: str
    value: Json = None


@dataclass(frozen=True)
class Group:
    """Conditions and groups taken together, about the subscription to the list `on` (a public id) where one is named.

    Only the root and a group with `on` may be empty.
    """

    match: Match = Match.ALL
    rules: tuple["Condition | Group", ...] = ()
    on: str = ""


EVERYONE = Group()


def to_json(tree: Group) -> dict[str, Any]:
    """What `from_json` reads."""
    return {} if tree == EVERYONE else _written(tree)


def _written(node: Condition | Group) -> dict[str, Any]:
    if isinstance(node, Group):
        on = {"on": node.on} if node.on else {}
        return {**on, "match": str(node.match), "rules": [_written(rule) for rule in node.rules]}
    written: dict[str, Any] = {"field": node.field, "operator": node.operator}
    return written if node.value is None else {**written, "value": node.value}


def from_json(rules: Any) -> Group:
    """The tree, whole and within its limits. Raises InvalidRules."""
    if rules == {}:
        return EVERYONE
    root = _read(rules, depth=1)
    tree = root if isinstance(root, Group) else Group(Match.ALL, (root,))
    check_size(tree)
    return tree


def check_size(tree: Group) -> None:
    """Raises InvalidRules for a tree that asks too much; parsers that build trees by hand call it."""
    asked = list(conditions(tree))
    if len(asked) + _groups_on(tree) > MOST_CONDITIONS:
        raise InvalidRules(f"There are more than {MOST_CONDITIONS} conditions.")
    if sum(_values(condition.value) for condition in asked) > MOST_VALUES:
        raise InvalidRules(f"The conditions hold more than {MOST_VALUES} values.")
    if _depth(tree) > DEEPEST:
        raise InvalidRules(f"The rules are nested more than {DEEPEST} deep.")


def _depth(node: Condition | Group) -> int:
    return 1 if isinstance(node, Condition) else 1 + max(map(_depth, node.rules), default=0)


def _groups_on(node: Condition | Group) -> int:
    """Groups about another subscription; each costs what a condition does."""
    return 0 if isinstance(node, Condition) else bool(node.on) + sum(map(_groups_on, node.rules))


def _values(value: Json) -> int:
    if isinstance(value, list):
        return sum(map(_values, value))
    return sum(map(_values, value.values())) if isinstance(value, dict) else 1


def conditions(node: Condition | Group) -> Iterator[Condition]:
    """All conditions below, in the order they are written."""
    if isinstance(node, Condition):
        yield node
    else:
        for rule in node.rules:
            yield from conditions(rule)


def _read(node: Any, *, depth: int) -> Condition | Group:
    if depth > DEEPEST:
        raise InvalidRules(f"The rules are nested more than {DEEPEST} deep.")
    if not isinstance(node, Mapping):
        raise InvalidRules("A rule is an object with either match and rules, or field and operator.")
    if {"match", "rules"} <= node.keys() <= {"match", "rules", "on"}:
        return _read_group(node, depth)
    if {"field", "operator"} <= node.keys() <= {"field", "operator", "value"}:
        return _read_condition(node)
    raise InvalidRules("A rule has either match and rules (and on), or field, operator and value, and nothing else.")


def _read_group(node: Mapping[str, Any], depth: int) -> Group:
    match, rules, on = node["match"], node["rules"], node.get("on", "")
    if not isinstance(on, str) or ("on" in node and not on):
        raise InvalidRules("What a group is on is the id of a list.")
    if match not in list(Match):
        raise InvalidRules(f"Rules match all, any or not, but never {shown(str(match))}.")
    if not isinstance(rules, list) or not (rules or on):
        raise InvalidRules("A group has at least one rule.")
    return Group(Match(match), tuple(_read(rule, depth=depth + 1) for rule in rules), on)


def _read_condition(node: Mapping[str, Any]) -> Condition:
    field, operator, value = node["field"], node["operator"], node.get("value")
    if not isinstance(field, str) or not isinstance(operator, str):
        raise InvalidRules("Field and operator of a rule are texts.")
    if not _is_json(value, DEEPEST_VALUE):
        raise InvalidRules(f"The value for {shown(field)} is no text, number, yes or no, or list or object of those.")
    return Condition(field, operator, value)


def _is_json(value: Any, deepest: int) -> bool:
    if value is None or isinstance(value, str | int | float | bool):
        return True
    if isinstance(value, list):
        return deepest > 0 and all(_is_json(each, deepest - 1) for each in value)
    if isinstance(value, dict):
        return deepest > 0 and all(isinstance(k, str) and _is_json(v, deepest - 1) for k, v in value.items())
    return False

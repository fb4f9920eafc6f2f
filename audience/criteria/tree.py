"""Rules as a tree, and the JSON they are kept as.

    {"match": "all", "rules": [
        {"field": "fields.town", "operator": "is", "value": "Ulm"},
        {"match": "not", "rules": [{"field": "list.lst_4kq0...", "operator": "is", "value": "subscribed"}]}]}

`all` holds when every rule does, `any` when at least one does, `not` when none does. `{}` holds for everybody. Every
rule language is parsed into this tree, and only this tree is compiled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from audience.addresses import shown
from audience.errors import InvalidRules

DEEPEST = 10
MOST_CONDITIONS = 200
Scalar = str | int | float | bool | None


class Match(StrEnum):
    ALL = "all"
    ANY = "any"
    NOT = "not"


@dataclass(frozen=True)
class Condition:
    """One question about a person; which fields and operators there are is known to `criteria.vocabulary`."""

    field: str
    operator: str
    value: Scalar = None


@dataclass(frozen=True)
class Group:
    """Conditions and groups taken together; only the root may be empty."""

    match: Match = Match.ALL
    rules: tuple["Condition | Group", ...] = ()


EVERYONE = Group()


def to_json(tree: Group) -> dict[str, Any]:
    """What `from_json` reads."""
    return {} if tree == EVERYONE else _written(tree)


def _written(node: Condition | Group) -> dict[str, Any]:
    if isinstance(node, Group):
        return {"match": str(node.match), "rules": [_written(rule) for rule in node.rules]}
    written: dict[str, Any] = {"field": node.field, "operator": node.operator}
    return written if node.value is None else {**written, "value": node.value}


def from_json(rules: Any) -> Group:
    """The tree, whole and within its limits. Raises InvalidRules."""
    if rules == {}:
        return EVERYONE
    root = _read(rules, depth=1)
    tree = root if isinstance(root, Group) else Group(Match.ALL, (root,))
    if sum(1 for _ in conditions(tree)) > MOST_CONDITIONS:
        raise InvalidRules(f"There are more than {MOST_CONDITIONS} conditions.")
    return tree


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
    if node.keys() == {"match", "rules"}:
        return _read_group(node, depth)
    if {"field", "operator"} <= node.keys() <= {"field", "operator", "value"}:
        return _read_condition(node)
    raise InvalidRules("A rule has either match and rules, or field, operator and value, and nothing else.")


def _read_group(node: Mapping[str, Any], depth: int) -> Group:
    match, rules = node["match"], node["rules"]
    if match not in list(Match):
        raise InvalidRules(f"Rules match all, any or not, but never {shown(str(match))}.")
    if not isinstance(rules, list) or not rules:
        raise InvalidRules("A group has at least one rule.")
    return Group(Match(match), tuple(_read(rule, depth=depth + 1) for rule in rules))


def _read_condition(node: Mapping[str, Any]) -> Condition:
    field, operator, value = node["field"], node["operator"], node.get("value")
    if not isinstance(field, str) or not isinstance(operator, str):
        raise InvalidRules("Field and operator of a rule are texts.")
    if value is not None and not isinstance(value, str | int | float | bool):
        raise InvalidRules(f"The value for {shown(field)} is neither a text, a number, nor yes or no.")
    return Condition(field, operator, value)

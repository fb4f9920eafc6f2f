"""The shape of RulesJson: groups, groups inside these, and rules.

What joins them changes with the depth. Under `or`, one of the groups holds, in which everything holds, of a group
inside it one rule. Under `and`, all groups hold, in each of which something holds, of a group inside it all rules. A
bare rule is a group of one.
"""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, NoReturn

from audience.criteria.octeth import rules
from audience.criteria.octeth.errors import NoRules, NotJson, TooDeep, TooLarge, UnknownType
from audience.criteria.octeth.place import Node, Place, nobody
from audience.criteria.tree import EVERYONE, Group, Match, check_size
from audience.errors import InvalidRules
from audience.models import MailingList

LEVELS = 3  # groups, groups inside these, rules
LONGEST = 1_000_000
_OTHER = {Match.ALL: Match.ANY, Match.ANY: Match.ALL}


def parse(
    rules_json: Any, *, operator: object, mailing_list: MailingList, no_rules_mean_everybody: bool = False
) -> Group:
    """The tree of RulesJson, given as text or as what JSON made of it, for the people on a list.

    `operator` joins the groups: anything but `and` is `or`, as theirs does it. Raises InvalidRulesJson.
    """
    tree = joined(Place.of(mailing_list), groups(rules_json), joint(operator))
    if not tree.rules and not no_rules_mean_everybody:
        raise NoRules("There is no rule in it.")
    return limited(tree) if tree.rules else EVERYONE


def joint(operator: object) -> Match:
    return Match.ALL if isinstance(operator, str) and operator.strip().lower() == "and" else Match.ANY


def decoded(text: Any) -> Any:
    """What a text says in JSON; anything else as it is. Raises NotJson and TooDeep."""
    if not isinstance(text, str | bytes):
        return text
    if len(text) > LONGEST:
        raise TooLarge(f"The rules are longer than {LONGEST:,} characters.")
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise TooDeep("The rules are nested too deep.") from None
    except ValueError:
        raise NotJson from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON.")


def _finite(written: str) -> float:
    """No database keeps the infinity that `1e400` would be."""
    return found if isfinite(found := float(written)) else _refuse(written)


def groups(rules_json: Any) -> list[Any]:
    """Lists of objects whose keys are in small letters. Raises NotJson, TooDeep, UnknownType and NoRules."""
    read = folded(decoded(rules_json))
    if not isinstance(read, list):
        raise NotJson
    return _checked(read)


def _checked(read: list[Any]) -> list[Any]:
    """Raises TooDeep, and UnknownType where there are rules but none of a type there is."""
    found = [rule for rule in _rules(read, depth=1) if rule]
    if found and not any(rules.is_known(rule) for rule in found):
        raise UnknownType(f"A rule is of one of the types {', '.join(rules.READERS)}.")
    return read if found else []


def _rules(node: Any, *, depth: int) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
    elif not isinstance(node, list):
        raise NotJson
    elif depth > LEVELS:
        raise TooDeep("Rules are nested at most three deep: groups, groups inside these, and rules.")
    else:
        for below in node:
            yield from _rules(below, depth=depth + 1)


def folded(value: Any, depth: int = 0) -> Any:
    """Keys in small letters, at every depth, since their clients write them in any case. Raises TooDeep."""
    if depth > 20:
        raise TooDeep("The rules are nested too deep.")
    if isinstance(value, Mapping):
        return {str(key).lower(): folded(below, depth + 1) for key, below in value.items()}
    return [folded(below, depth + 1) for below in value] if isinstance(value, list) else value


def joined(place: Place, nodes: list[Any], match: Match) -> Group:
    return Group(match, tuple(_read(place, node, _OTHER[match]) for node in nodes if node != []))


def _read(place: Place, node: Any, match: Match) -> Node:
    if isinstance(node, Mapping):
        return rules.read(place, node) if node else nobody("There is a rule that says nothing.")
    group = joined(place, node, match)
    if not group.rules:
        return nobody("There is a group without rules.")
    return group.rules[0] if len(group.rules) == 1 else group


def limited(tree: Group) -> Group:
    """Raises TooLarge."""
    try:
        check_size(tree)
    except InvalidRules as error:
        raise TooLarge(str(error)) from error
    return tree

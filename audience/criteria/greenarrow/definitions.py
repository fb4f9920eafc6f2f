"""The shape of a definition: clauses that all hold, and groups of clauses of which all or any do."""

from collections.abc import Mapping, Sequence
from typing import Any

from accounts.models import Organization
from audience.addresses import shown
from audience.criteria.greenarrow.clauses import READERS
from audience.criteria.greenarrow.errors import InvalidRequest, ValidationFailed
from audience.criteria.greenarrow.place import Node, Place, spelled
from audience.criteria.tree import DEEPEST, EVERYONE, Condition, Group, Match, check_size
from audience.errors import InvalidRules, Unanswerable
from audience.models import MailingList

_GROUPS = {"all": Match.ALL, "any": Match.ANY}


def parse(definition: Any, *, organization: Organization, mailing_lists: Sequence[MailingList] = ()) -> Group:
    """The tree of a definition: a list of clauses, or a group. An empty list means everybody.

    `mailing_lists` are those of the segment; fields are looked for there first. Raises InvalidDefinition.
    """
    if definition == []:
        return EVERYONE
    if isinstance(definition, list):
        definition = {"type": "all", "clauses": definition}
    if not isinstance(definition, Mapping) or definition.get("type") is None:
        raise InvalidRequest("definition is a list of clauses, or a group with a type and clauses")
    place = Place(organization, tuple(mailing_lists))
    read = _read(place, definition, depth=1)
    tree = read if isinstance(read, Group) else Group(Match.ALL, (read,))
    try:
        check_size(tree)
    except InvalidRules as error:
        raise InvalidRequest(str(error)) from error
    return tree


def _read(place: Place, clause: Any, *, depth: int) -> Node:
    if depth > DEEPEST:
        raise InvalidRequest(f"clauses are nested more than {DEEPEST} deep")
    if not isinstance(clause, Mapping) or not isinstance(clause.get("type"), str):
        raise InvalidRequest("a clause is an object with a type")
    kind = spelled(clause["type"])
    if kind in _GROUPS:
        return _read_group(place, clause, _GROUPS[kind], depth)
    reader = READERS.get(kind)
    if reader is None:
        raise InvalidRequest(f"there is no clause type {shown(clause['type'])}")
    return _checked(place, kind, reader(place, clause))


def _read_group(place: Place, clause: Mapping[str, Any], match: Match, depth: int) -> Group:
    clauses = clause.get("clauses")
    if not isinstance(clauses, list) or not clauses:
        raise InvalidRequest("a group has at least one clause")
    return Group(match, tuple(_read(place, each, depth=depth + 1) for each in clauses))


def _checked(place: Place, kind: str, node: Node) -> Node:
    """The node, if all of its conditions can be asked. Raises ValidationFailed."""
    try:
        _ask(place, node)
    except Unanswerable:
        return node  # it has no answer as things are now, and selects nobody until it has one
    except InvalidRules as error:
        raise ValidationFailed(f"{kind}: {error}") from error
    return node


def _ask(place: Place, node: Node) -> None:
    if isinstance(node, Condition):
        place.vocabulary.subject(node.field).condition(node.operator, node.value)
    else:
        for rule in node.rules:
            _ask(place, rule)

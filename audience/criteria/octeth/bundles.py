"""RulesJsonBundle: rules for each of several lists, joined."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import Organization
from audience.criteria.known import Known
from audience.criteria.octeth.errors import InvalidList, InvalidRulesJson, NoRules, NotJson, UnknownList
from audience.criteria.octeth.grammar import decoded, folded, groups, joined, limited
from audience.criteria.octeth.place import Place, number
from audience.criteria.tree import Group, Match
from audience.models import MailingList

MOST_CRITERIA = 200


@dataclass(frozen=True)
class Bundle:
    """A rule about people on any of several lists, and the primary keys of these lists in the order they are named.

    Somebody whom several criteria mean is reached through the first list that does.
    """

    tree: Group
    mailing_lists: tuple[int, ...]


def parse_bundle(bundle: Any, *, organization: Organization) -> Bundle:
    """The people one criterion means (`or`), or every one of them (`and`). Where `rules` is
    empty, a criterion means its whole list.

    Raises InvalidRulesJson: InvalidList and UnknownList for what is wrong with a list's number.
    """
    read = folded(decoded(bundle))
    if not isinstance(read, Mapping):
        raise NotJson
    criteria = read.get("criteria")
    if criteria in (None, "", [], {}):
        raise NoRules("There are no criteria in it.")
    if not isinstance(criteria, list) or len(criteria) > MOST_CRITERIA or not all(map(_is_criterion, criteria)):
        raise NotJson
    lists, known = _lists(criteria, organization), Known(organization)
    parts = tuple(_on(Place(each, known), criterion) for each, criterion in zip(lists, criteria, strict=True))
    tree = Group(_joint(read.get("operator"), len(parts)), parts)
    return Bundle(limited(tree), tuple(dict.fromkeys(each.pk for each in lists)))


def _is_criterion(criterion: Any) -> bool:
    return isinstance(criterion, Mapping)


def _lists(criteria: list[Mapping[str, Any]], organization: Organization) -> list[MailingList]:
    numbers = [number(criterion.get("list_id")) for criterion in criteria]
    if not all(numbers):
        raise InvalidList("Each criterion names its list by its number, in list_id.")
    known = MailingList.objects.of(organization).in_bulk([pk for pk in numbers if pk])
    if any(pk not in known for pk in numbers):
        raise UnknownList("A criterion names a list that is not there.")
    return [known[pk] for pk in numbers if pk]


def _on(place: Place, criterion: Mapping[str, Any]) -> Group:
    given = groups(criterion.get("rules"))
    read = joined(place, given, _joint(criterion.get("operator"), len(given)))
    return Group(read.match, read.rules, on=place.mailing_list.public_id)


def _joint(operator: object, count: int) -> Match:
    """A wrong word is not guessed at where it would decide between more people and fewer."""
    known = {"and": Match.ALL, "or": Match.ANY}
    word = operator.strip().lower() if isinstance(operator, str) else ""
    if word not in known and count > 1:
        raise InvalidRulesJson("What joins criteria and rules is “and” or “or”.")
    return known.get(word, Match.ALL)

"""A segment's rules as this API reads and shows them: `condition`, an expression, and `definition`, a tree."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Organization
from audience.criteria import cel, greenarrow
from audience.criteria.scope import Scope
from audience.criteria.tree import from_json, to_json
from audience.errors import InvalidRules
from audience.models import MailingList, Segment


@extend_schema_field({"oneOf": [{"type": "object", "additionalProperties": {}}, {"type": "array", "items": {}}]})
class RulesField(serializers.JSONField):
    """The rule tree, or a GreenArrow definition. Text that no database can keep is refused before it gets there."""

    default_error_messages = {"characters": "Null characters and lone surrogates are not allowed."}  # noqa: RUF012

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict | list):
            self.fail("invalid")
        if any(_is_unstorable(text) for text in _texts(data)):
            self.fail("characters")
        return super().to_internal_value(data)


class ConditionField(serializers.CharField):
    """An expression over people; empty means everybody, null a rule that only `definition` can say."""

    def get_attribute(self, segment: Segment) -> str | None:
        return condition_of(segment)


def condition_of(segment: Segment) -> str | None:
    """As it was written, else in words of ours; None where it cannot be said."""
    if segment.written_in == Segment.Language.CEL:
        return segment.written_as
    try:
        return cel.written(from_json(segment.rules))
    except InvalidRules:
        return None


@dataclass(frozen=True)
class Place:
    """Where rules are read; `segment` is the one they are to be those of, where it exists already."""

    organization: Organization
    mailing_lists: Sequence[MailingList]
    segment: Segment | None = None

    @property
    def scope(self) -> Scope:
        lists = tuple(sorted(each.pk for each in self.mailing_lists))
        scope = Scope.of_rows(self.organization, lists) if lists else Scope.of_people(self.organization)
        return replace(scope, segment=self.segment.pk if self.segment else None)


def columns(place: Place, condition: str | None, definition: Any) -> dict[str, Any]:
    """`rules` and what they are written as, of what was sent: None for neither. Raises ValidationError.

    Who sends back both as they were read may have changed either, and the changed one counts.
    """
    if condition and definition not in (None, {}):
        condition, definition = _changed(place, condition, definition)
    if condition:
        return _of_condition(place, condition)
    if definition is not None:
        return _of_definition(place, definition)
    return {} if condition is None else {"rules": {}, "written_in": Segment.Language.TREE, "written_as": ""}


def _changed(place: Place, condition: str, definition: Any) -> tuple[str | None, Any]:
    segment = place.segment
    if segment is not None and definition == segment.rules:
        return condition, None
    if segment is not None and condition == condition_of(segment):
        return None, definition
    if _of_condition(place, condition)["rules"] == _of_definition(place, definition)["rules"]:
        return condition, None
    raise serializers.ValidationError({"condition": ["Give either condition or definition; these two differ."]})


def _of_condition(place: Place, condition: str) -> dict[str, Any]:
    try:
        rules = to_json(cel.parse(condition, place.scope))
    except InvalidRules as error:
        raise serializers.ValidationError({"condition": [str(error)]}) from error
    return {"rules": rules, "written_in": Segment.Language.CEL, "written_as": condition}


def _of_definition(place: Place, definition: Any) -> dict[str, Any]:
    """A tree of ours is kept as it is, and is read by the segment itself."""
    if isinstance(definition, Mapping) and "type" not in definition:
        return {"rules": definition, "written_in": Segment.Language.TREE, "written_as": ""}
    try:
        tree = greenarrow.parse(definition, organization=place.organization, mailing_lists=place.mailing_lists)
    except InvalidRules as error:
        raise serializers.ValidationError({"definition": [str(error)]}) from error
    written = json.dumps(definition)
    return {"rules": to_json(tree), "written_in": Segment.Language.GREENARROW, "written_as": written}


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _is_unstorable(text: str) -> bool:
    return any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in text)

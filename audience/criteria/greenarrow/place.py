"""Where a definition is read: an organization and the lists of a segment, and what clauses can name there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Q

from accounts.models import Organization
from audience.addresses import shown
from audience.criteria.greenarrow.errors import (
    InvalidRequest,
    MultipleRecordsFound,
    NotFound,
    ValidationFailed,
)
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group
from audience.criteria.vocabulary import Vocabulary
from audience.models import CustomField, MailingList

Node = Condition | Group
Clause = Mapping[str, Any]
RowT = TypeVar("RowT", MailingList, CustomField)
LARGEST_ID = 2**63 - 1


def spelled(word: Any) -> str:
    """A type or an operator in the one spelling: `Is not-in` is `is_not_in`. Raises InvalidRequest."""
    if not isinstance(word, str):
        raise InvalidRequest("types and operators are texts")
    return "_".join(word.lower().replace("-", " ").replace("_", " ").split())


def number(written: Any) -> int | None:
    """An id as JSON or as text; None for anything else."""
    if isinstance(written, bool) or not isinstance(written, int | str):
        return None
    text = str(written).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID else None


def several(clause: Clause) -> list[Any]:
    """`values`, or the one `value`; a text of several lines or with commas is several too. Raises InvalidRequest."""
    given = clause.get("values", clause.get("value"))
    if isinstance(given, str):
        given = [each.strip() for each in given.replace("\n", ",").split(",")]
    values = [each for each in (given if isinstance(given, list) else [given]) if each not in (None, "")]
    if not values or any(isinstance(each, list | dict) for each in values):
        raise InvalidRequest("a clause has a value, or a list of values")
    return values


@dataclass(frozen=True)
class Place:
    """`mailing_lists` are those of the segment; none where it is of the whole organization."""

    organization: Organization
    mailing_lists: tuple[MailingList, ...] = ()

    @cached_property
    def vocabulary(self) -> Vocabulary:
        pks = tuple(each.pk for each in self.mailing_lists)
        return Vocabulary(
            Scope.of_rows(self.organization, pks) if pks else Scope.of_people_behind_rows(self.organization)
        )

    def mailing_list(self, clause: Clause) -> MailingList:
        """The one in `mailing_list`, by id or name, or in `mailing_list_id`. Raises InvalidDefinition."""
        named = clause.get("mailing_list", {"id": clause.get("mailing_list_id")})
        return self._one(list(self.vocabulary.known.lists.values()), named, "mailing_list", NotFound)

    def custom_field(self, clause: Clause) -> CustomField:
        """By id or name; a list's own goes before the organization's. Raises InvalidDefinition."""
        known, named = self._fields, clause.get("custom_field")
        if isinstance(named, Mapping) and number(named.get("id")) is None:
            of_lists = [each for each in known if each.mailing_list_id and _is_called(each, named.get("name"))]
            keys = {each.key for each in of_lists}
            if len(keys) == 1:
                return of_lists[0]  # lists that share a key share what it means
            known = of_lists or known
        return self._one(known, named, "custom_field", ValidationFailed)

    @cached_property
    def _fields(self) -> list[CustomField]:
        known = CustomField.objects.of(self.organization).order_by("pk")
        if self.mailing_lists:
            known = known.filter(Q(mailing_list=None) | Q(mailing_list__in=self.mailing_lists))
        return list(known)

    def _one(self, known: list[RowT], named: Any, what: str, missing: type[Exception]) -> RowT:
        if not isinstance(named, Mapping):
            raise InvalidRequest(f"{what} is named by its id or its name")
        wanted, name = named.get("id"), named.get("name")
        if wanted in (None, "") and not isinstance(name, str):
            raise InvalidRequest(f"{what} is named by its id or its name")
        if wanted not in (None, ""):
            found = [each for each in known if each.pk == number(wanted)]
        else:
            found = [each for each in known if _is_called(each, name)]
        if not found:
            raise missing(f"there is no {what} {shown(str(wanted or name))}")
        if len(found) > 1:
            raise MultipleRecordsFound(f"there are several {what}s called {shown(str(name))}; name it by its id")
        return found[0]


def _is_called(row: MailingList | CustomField, name: Any) -> bool:
    """By its name in any case, or for a field by what emails call it."""
    if not isinstance(name, str):
        return False
    sought = name.strip().casefold()
    return row.name.casefold() == sought or (isinstance(row, CustomField) and row.key == sought)

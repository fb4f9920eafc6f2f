"""Where rules of Octeth are read: one list, and what they can name there."""

from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from audience.addresses import shown
from audience.criteria.known import Known
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group
from audience.criteria.vocabulary import Vocabulary
from audience.errors import InvalidRules, Unanswerable
from audience.models import CustomField, MailingList, Segment, SubscriberTag

Node = Condition | Group
LARGEST_ID = 2**63 - 1


def nobody(why: str) -> Condition:
    return Condition("nobody", "because", why[:200])


def everybody(why: str) -> Condition:
    return Condition("everybody", "because", why[:200])


def number(written: object) -> int | None:
    """A whole number as JSON or as text; None for anything else."""
    if isinstance(written, bool) or not isinstance(written, int | str):
        return None
    text = str(written).strip()
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    return found if 0 <= found <= LARGEST_ID else None


@dataclass(frozen=True)
class Place:
    """`mailing_list` is the one whose subscriptions the rules look at; `known` is what its organization has."""

    mailing_list: MailingList
    known: Known

    @classmethod
    def of(cls, mailing_list: MailingList) -> "Place":
        return cls(mailing_list, Known(mailing_list.organization))

    def checked(self, node: Node) -> Node:
        """The rule itself where it can be asked. Raises Unanswerable.

        What can be asked and has no answer as things are now, such as being in a segment whose own rules are broken,
        stays as it is: the compiler selects nobody for it until it has one.
        """
        try:
            self._ask(node)
        except Unanswerable:
            return node
        except InvalidRules as error:
            raise Unanswerable(str(error)) from error
        return node

    def _ask(self, node: Node) -> None:
        if isinstance(node, Group):
            for rule in node.rules:
                self._ask(rule)
        else:
            self._vocabulary.subject(node.field).condition(node.operator, node.value)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(Scope.of_rows(self.known.organization, (self.mailing_list.pk,)), self.known)

    @cached_property
    def _fields(self) -> list[CustomField]:
        return [each for each in self.known.fields if each.mailing_list_id in (None, self.mailing_list.pk)]

    def custom_field(self, named: str) -> CustomField:
        """By its number, by `CustomField12`, or by what emails call it. Raises Unanswerable."""
        text = named.strip().lower()
        pk = number(text.removeprefix("customfield"))
        for field in self._fields:
            if field.pk == pk or field.key == text:
                return field
        raise Unanswerable(f"There is no field {shown(named)} on {self.mailing_list}.")

    @cached_property
    def tags(self) -> dict[int, str]:
        """Names of the list's subscriber tags by their number."""
        known = SubscriberTag.objects.filter(mailing_list=self.mailing_list)
        return {tag.pk: tag.name for tag in known}

    def segment(self, written: object) -> Segment:
        """One of this list, or of every list of the organization. Raises Unanswerable."""
        here = Q(mailing_lists=self.mailing_list) | Q(mailing_lists=None)
        known = Segment.objects.of(self.known.organization).filter(here, pk=number(written) or 0)
        segment = known.distinct().first()
        if segment is None:
            raise Unanswerable(f"There is no segment {shown(str(written))} of {self.mailing_list}.")
        return segment

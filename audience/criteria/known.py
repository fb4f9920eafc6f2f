"""What an organization has that rules can name, looked up once for all the conditions of a tree."""

from functools import cached_property

from django.db.models import Q

from accounts.models import Organization
from audience.errors import InvalidRules
from audience.models import CustomField, MailingList, Segment, SubscriberTag, Suppression

MOST_COMPILED = 1000


class TooLarge(InvalidRules):
    """No rule is wrong by itself; together, with the segments they name, they are too many."""


class Known:
    """Lists, fields, tags and segments of one organization; each is asked for when it is first named."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self._segments: dict[str, Segment | None] = {}
        self._compiled = 0

    @cached_property
    def lists(self) -> dict[str, MailingList]:
        """By public id."""
        return {each.public_id: each for each in self._lists if each.deleted_at is None}

    @cached_property
    def lists_being_deleted(self) -> list[int]:
        """Nobody is on these any more. Hardly ever any, and so nothing that a statement need say."""
        return [each.pk for each in self._lists if each.deleted_at is not None]

    @cached_property
    def _lists(self) -> list[MailingList]:
        return list(MailingList.with_deleted.filter(organization=self.organization))

    @cached_property
    def fields(self) -> list[CustomField]:
        return list(CustomField.objects.of(self.organization).order_by("pk"))

    @cached_property
    def tags(self) -> dict[str, tuple[int, ...]]:
        """Ids of the tags of all lists, by their name in lower case."""
        found: dict[str, tuple[int, ...]] = {}
        for pk, name in SubscriberTag.objects.of(self.organization).values_list("pk", "name"):
            found[name.lower()] = (*found.get(name.lower(), ()), pk)
        return found

    @cached_property
    def suppressed_everywhere(self) -> set[str]:
        """The kinds of suppressions there are in the system and in the organization."""
        everywhere = Q(organization=None) | Q(organization=self.organization, mailing_list=None)
        return self._kinds(everywhere)

    @cached_property
    def suppressed_for_lists(self) -> set[str]:
        """The same for single lists of the organization."""
        return self._kinds(Q(organization=self.organization, mailing_list__isnull=False))

    def _kinds(self, scope: Q) -> set[str]:
        """Of each kind the first will do, however many there are."""
        rows = Suppression.objects.filter(scope)
        return {kind for kind in Suppression.Kind.values if rows.filter(kind=kind).exists()}

    def segment(self, public_id: str) -> Segment | None:
        """With its lists."""
        if public_id not in self._segments:
            rows = Segment.objects.of(self.organization).prefetch_related("mailing_lists")
            self._segments[public_id] = rows.filter(public_id=public_id).first()
        return self._segments[public_id]

    def count(self, conditions: int) -> None:
        """Segments that name segments could make a statement without end. Raises TooLarge."""
        self._compiled += conditions
        if self._compiled > MOST_COMPILED:
            raise TooLarge(f"With the segments they name, the rules come to more than {MOST_COMPILED} conditions.")

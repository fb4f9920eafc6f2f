"""Segments: saved rules over people, and the conditions they stand for."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from audience.criteria.compiler import compile_rules
from audience.criteria.scope import Scope
from audience.models import MailingList, Segment, Subscription


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The people an audience means, said in two ways.

    `rows` is a condition on Subscription: the rows through which these people may be reached. `people`, where it is
    not None, is a condition on Subscriber that also holds for people who are on no list at all.
    """

    rows: Q
    people: Q | None = None


def reach(segment: Segment) -> Reach:
    """Everybody in the segment: on the lists it names, or anywhere in its organization. Raises InvalidRules."""
    organization, lists = segment.organization, list_ids(segment)
    if lists:
        rules = compile_rules(segment.rules, Scope.of_rows(organization, lists))
        return Reach(rows=Q(mailing_list__in=lists) & rules)
    return Reach(
        rows=compile_rules(segment.rules, Scope.of_people_behind_rows(organization)),
        people=compile_rules(segment.rules, Scope.of_people(organization)),
    )


def reach_within(segment: Segment, mailing_list_id: int) -> Reach:
    """People of the segment who are on this list, reached through it. Raises InvalidRules.

    The rules look at the row on this list; where the segment names other lists only, at the rows on those.
    """
    organization, lists = segment.organization, list_ids(segment)
    on_list = Q(mailing_list=mailing_list_id)
    if not lists or mailing_list_id in lists:
        return Reach(rows=on_list & compile_rules(segment.rules, Scope.of_rows(organization, (mailing_list_id,))))
    elsewhere = Subscription.objects.filter(reach(segment).rows, subscriber=OuterRef("subscriber"))
    return Reach(rows=on_list & Q(Exists(elsewhere)))


def list_ids(segment: Segment) -> tuple[int, ...]:
    """The lists the segment names that are its organization's."""
    lists = MailingList.objects.of(segment.organization).filter(segments=segment)
    return tuple(lists.order_by("pk").values_list("pk", flat=True))

"""Segments: saved rules over people, and the conditions they stand for.

A segment that names lists holds the people of whose subscriptions to those lists one fulfils the rules. One that names
none holds the people of the organization who fulfil them, on a list or not. Rules that cannot be understood, or no
longer because a field or a list is gone, hold for nobody, and the segment says so in its status.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience.criteria import compiler
from audience.criteria.compiler import NOBODY, compile_rules
from audience.criteria.scope import Scope
from audience.criteria.tree import from_json
from audience.errors import InvalidRules, NotAllowed, NotStuck
from audience.models import MailingList, Segment, Subscriber, Subscription

# --- what a segment means ----------------------------------------------------------------------------------------


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


def people(segment: Segment) -> QuerySet[Subscriber]:
    """Everybody in the segment, whether anything may be sent to them or not; nobody where its rules are broken."""
    everyone = Subscriber.objects.of(segment.organization)
    try:
        whom = reach(segment)
    except InvalidRules:
        return everyone.filter(NOBODY)
    if whom.people is not None:
        return everyone.filter(whom.people)
    return everyone.filter(Exists(Subscription.objects.filter(whom.rows, subscriber=OuterRef("pk"))))


def sentence(segment: Segment) -> str:
    """Who is in it, in English, or what is wrong with its rules."""
    lists = MailingList.objects.of(segment.organization).filter(segments=segment)
    who = f"on {' or '.join(str(each) for each in lists)}" if lists else "in the organization"
    try:
        rules = compiler.sentence(from_json(segment.rules), _scope(segment))
    except InvalidRules as error:
        return f"Nobody: the rules cannot be understood. {error}"
    return f"People {who} where {rules}." if rules else f"Everybody {who}."


def list_ids(segment: Segment) -> tuple[int, ...]:
    """The lists the segment names that are its organization's."""
    lists = MailingList.objects.of(segment.organization).filter(segments=segment)
    return tuple(lists.order_by("pk").values_list("pk", flat=True))


def _scope(segment: Segment) -> Scope:
    lists = list_ids(segment)
    return Scope.of_rows(segment.organization, lists) if lists else Scope.of_people(segment.organization)


# --- writing segments --------------------------------------------------------------------------------------------


def create(
    organization: Organization,
    *,
    by: Actor,
    name: str,
    rules: Mapping[str, Any] | None = None,
    mailing_lists: Iterable[MailingList] = (),
    broken_rules_are_kept: bool = False,
    **columns: Any,
) -> Segment:
    """A new segment, counted in the background. Raises NotAllowed and, unless they are to be kept, InvalidRules."""
    _require_may(by, Permission.CREATE, organization)
    with transaction.atomic():
        segment = Segment.objects.create(organization=organization, name=name, rules=dict(rules or {}), **columns)
        _set_lists(segment, mailing_lists)
        _settle(segment, broken_rules_are_kept)
    return segment


def edit(
    segment: Segment,
    *,
    by: Actor,
    rules: Mapping[str, Any] | None = None,
    mailing_lists: Iterable[MailingList] | None = None,
    broken_rules_are_kept: bool = False,
    **columns: Any,
) -> Segment:
    """Change a segment and count it again in the background. Raises NotAllowed and InvalidRules.

    What campaigns that address it must hear of the change is theirs: surfaces call `campaigns.drafts.edit_segment`.
    """
    _require_may(by, Permission.UPDATE, segment.organization)
    with transaction.atomic():
        for name, value in columns.items():
            setattr(segment, name, value)
        if rules is not None:
            segment.rules = dict(rules)
        segment.save()
        if mailing_lists is not None:
            _set_lists(segment, mailing_lists)
        _settle(segment, broken_rules_are_kept)
    return segment


def recalculate(segment: Segment) -> Segment:
    """Count the people in the segment; where its rules are broken, say so and count nobody."""
    _mark(segment, Segment.Status.PROCESSING)
    try:
        reach(segment)
    except InvalidRules as error:
        return _mark(segment, Segment.Status.FAILED, str(error), user_count=0)
    count = people(segment).count()
    return _mark(segment, Segment.Status.COMPLETED, user_count=count, last_calculated_at=now())


def reset(segment: Segment) -> Segment:
    """Make a draft again of a segment whose count failed or never ended. Raises NotStuck."""
    if segment.status not in (Segment.Status.PENDING, Segment.Status.PROCESSING, Segment.Status.FAILED):
        raise NotStuck(f"A segment that is {segment.status} does not need a reset.")
    return _mark(segment, Segment.Status.DRAFT)


def _set_lists(segment: Segment, mailing_lists: Iterable[MailingList]) -> None:
    wanted = list(mailing_lists)
    if any(each.organization_id != segment.organization_id for each in wanted):
        raise NotAllowed("A segment names lists of its own organization only.")
    segment.mailing_lists.set(wanted)


def _settle(segment: Segment, broken_rules_are_kept: bool) -> None:
    """Check the rules as the segment is now, and have it counted."""
    from audience.tasks import recalculate_segment  # the task calls this module

    try:
        reach(segment)
    except InvalidRules as error:
        if not broken_rules_are_kept:
            raise
        _mark(segment, Segment.Status.FAILED, str(error), user_count=0)
        return
    _mark(segment, Segment.Status.PENDING)
    transaction.on_commit(partial(recalculate_segment.delay, segment.pk))


def _mark(segment: Segment, status: str, reason: str = "", **columns: Any) -> Segment:
    for name, value in {"status": status, "status_reason": reason[:500], **columns}.items():
        setattr(segment, name, value)
    segment.save(update_fields=["status", "status_reason", *columns])
    return segment


def _require_may(by: Actor, permission: Permission, organization: Organization) -> None:
    if by.surface != Surface.SYSTEM and not may(by.user, permission, organization):
        raise NotAllowed(f"You may not {permission} segments of {organization}.")

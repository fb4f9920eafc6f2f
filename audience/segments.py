"""Segments: saved rules over people, and the conditions they stand for.

A segment that names lists holds the people of whose subscriptions to those lists one fulfils the rules. One that names
none holds the people of the organization who fulfil them, on a list or not. Rules that cannot be understood, or no
longer because a field or a list is gone, hold for nobody, and the segment says so in its status.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from accounts.actors import Actor, Surface
from accounts.models import Organization
from accounts.permissions import Permission, may
from audience.criteria import compiler
from audience.criteria import explain as criteria_explain
from audience.criteria.compiler import NOBODY, compile_rules
from audience.criteria.explain import Explained
from audience.criteria.scope import Scope
from audience.criteria.subjects import drawn, drawn_below
from audience.criteria.tree import from_json
from audience.errors import InvalidRules, NotAllowed, NotStuck
from audience.models import MailingList, Segment, Subscriber, Subscription
from audience.time_limits import at_most

PATIENCE = 10.0  # seconds that somebody waits for an answer on a page

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
    return _reach(_Asked(segment.organization, segment.rules, list_ids(segment), segment.pk))


@dataclass(frozen=True)
class _Asked:
    """Rules over these lists, or without any over everybody; those of the segment `segment`, if they are saved."""

    organization: Organization
    rules: Mapping[str, Any]
    lists: tuple[int, ...]
    segment: int | None = None

    @property
    def scope(self) -> Scope:
        scope = Scope.of_rows(self.organization, self.lists) if self.lists else Scope.of_people(self.organization)
        return replace(scope, segment=self.segment)


def _reach(asked: _Asked) -> Reach:
    scope = asked.scope
    rules = compile_rules(asked.rules, scope)
    if asked.lists:
        return Reach(rows=Q(mailing_list__in=asked.lists) & rules)
    return Reach(rows=compile_rules(asked.rules, replace(scope, person="subscriber__")), people=rules)


def _people(asked: _Asked) -> QuerySet[Subscriber]:
    """Raises InvalidRules."""
    everyone, whom = Subscriber.objects.of(asked.organization), _reach(asked)
    if whom.people is not None:
        return everyone.filter(whom.people)
    return everyone.filter(Exists(Subscription.objects.filter(whom.rows, subscriber=OuterRef("pk"))))


def reach_within(segment: Segment, mailing_list_id: int) -> Reach:
    """People of the segment who are on this list, reached through it. Raises InvalidRules.

    The rules look at the row on this list; where the segment names other lists only, at the rows on those.
    """
    organization, lists = segment.organization, list_ids(segment)
    on_list = Q(mailing_list=mailing_list_id)
    if not lists or mailing_list_id in lists:
        scope = replace(Scope.of_rows(organization, (mailing_list_id,)), segment=segment.pk)
        return Reach(rows=on_list & compile_rules(segment.rules, scope))
    elsewhere = Subscription.objects.filter(reach(segment).rows, subscriber=OuterRef("subscriber"))
    return Reach(rows=on_list & Q(Exists(elsewhere)))


def people(segment: Segment) -> QuerySet[Subscriber]:
    """Everybody in the segment, whether anything may be sent to them or not; nobody where its rules are broken."""
    try:
        return _people(_Asked(segment.organization, segment.rules, list_ids(segment), segment.pk))
    except InvalidRules:
        return Subscriber.objects.of(segment.organization).filter(NOBODY)


def sentence(segment: Segment) -> str:
    """Who is in it, in English, or what is wrong with its rules."""
    lists = MailingList.objects.of(segment.organization).filter(segments=segment)
    try:
        return sentence_over(segment.rules, lists, _scope(segment))
    except InvalidRules as error:
        return f"Nobody: the rules cannot be understood. {error}"


def sentence_over(rules: Mapping[str, Any], mailing_lists: Collection[MailingList], scope: Scope) -> str:
    """Whom rules mean over these lists, in English. Raises InvalidRules."""
    said = compiler.sentence(from_json(rules), scope)
    where = f"on {' or '.join(str(each) for each in mailing_lists)}" if mailing_lists else "in the organization"
    return f"People {where} where {said}." if said else f"Everybody {where}."


def list_ids(segment: Segment) -> tuple[int, ...]:
    """The lists the segment names that are its organization's."""
    lists = MailingList.objects.of(segment.organization).filter(segments=segment)
    return tuple(lists.order_by("pk").values_list("pk", flat=True))


def listed(organization: Organization) -> QuerySet[Segment]:
    """The segments people choose from, without those a program made for one campaign."""
    return Segment.objects.of(organization).filter(is_ad_hoc=False)


def _scope(segment: Segment) -> Scope:
    return _Asked(segment.organization, segment.rules, list_ids(segment), segment.pk).scope


# --- rules that are not saved yet, and single people ---------------------------------------------------------------


def count(
    rules: Mapping[str, Any],
    mailing_lists: Iterable[MailingList],
    organization: Organization,
    *,
    seconds: float = PATIENCE,
) -> int:
    """How many people these rules mean, for somebody who waits. Raises InvalidRules and TooSlow."""
    with at_most(seconds):
        return _people(_unsaved(rules, mailing_lists, organization)).count()


def rows_on(mailing_list: MailingList, rules: Mapping[str, Any]) -> QuerySet[Subscription]:
    """The subscriptions to this list that the rules mean, in every status. Raises InvalidRules."""
    asked = _unsaved(rules, [mailing_list], mailing_list.organization)
    return Subscription.objects.filter(_reach(asked).rows, mailing_list=mailing_list)


def sample(
    rules: Mapping[str, Any],
    mailing_lists: Iterable[MailingList],
    organization: Organization,
    size: int = 20,
    *,
    seconds: float = PATIENCE,
) -> list[Subscriber]:
    """Some of the people these rules mean, drawn by lot but always the same. Raises InvalidRules and TooSlow."""
    with at_most(seconds):
        return _drawn(_people(_unsaved(rules, mailing_lists, organization)), size)


def sample_of(segment: Segment, size: int = 20, *, seconds: float = PATIENCE) -> list[Subscriber]:
    """Some of the people in the segment, as `sample`. Raises TooSlow."""
    with at_most(seconds):
        return _drawn(people(segment), size)


def _drawn(whom: QuerySet[Subscriber], size: int) -> list[Subscriber]:
    """Those with the smallest lots. The rules are asked of few people first, since most often those are enough."""
    found: list[Subscriber] = []
    for share in (0.001, 0.05, 1):
        few = whom.filter(drawn_below("pk", _LOT, share)) if share < 1 else whom
        found = list(few.order_by(drawn("pk", _LOT), "pk")[:size])
        if len(found) == size:
            break
    return found


_LOT = "sample"


@dataclass(frozen=True)
class Way:
    """The rules as seen from one subscription to the segment's lists, or from the person (None) without lists."""

    row: Subscription | None
    explained: Explained


@dataclass(frozen=True)
class Explanation:
    """Whether somebody is in a segment: by one of the ways. There is none where they are on none of its lists."""

    ways: tuple[Way, ...]

    @property
    def is_in(self) -> bool:
        return any(way.explained.holds for way in self.ways)


def explain(
    rules: Mapping[str, Any], mailing_lists: Iterable[MailingList], organization: Organization, person: Subscriber
) -> Explanation:
    """Why these rules mean the person or not, rule by rule; what may be sent to them is another question.

    Raises InvalidRules.
    """
    return _explained(_unsaved(rules, mailing_lists, organization), person)


def explain_segment(segment: Segment, person: Subscriber) -> Explanation:
    """The same of a segment that is saved. Raises InvalidRules."""
    return _explained(_Asked(segment.organization, segment.rules, list_ids(segment), segment.pk), person)


def _explained(asked: _Asked, person: Subscriber) -> Explanation:
    tree, scope = from_json(asked.rules), asked.scope
    if person.organization_id != asked.organization.pk:
        return Explanation(())
    if not asked.lists:
        return Explanation((Way(None, criteria_explain.explain(tree, person, scope)),))
    rows = person.subscriptions.filter(mailing_list__in=asked.lists).select_related("mailing_list").order_by("pk")
    return Explanation(tuple(Way(row, criteria_explain.explain(tree, person, scope, row=row)) for row in rows))


def _unsaved(rules: Mapping[str, Any], mailing_lists: Iterable[MailingList], organization: Organization) -> _Asked:
    lists = list(mailing_lists)
    if any(each.organization_id != organization.pk for each in lists):
        raise InvalidRules("Rules are over lists of their own organization only.")
    return _Asked(organization, rules, tuple(sorted(each.pk for each in lists)))


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
            _set_rules(segment, rules, written="written_as" in columns)
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


def _set_rules(segment: Segment, rules: Mapping[str, Any], *, written: bool) -> None:
    """Other rules than before are not those that somebody wrote in a language of their own any more."""
    before = Segment.objects.values_list("rules", flat=True).get(pk=segment.pk)
    if not written and before != dict(rules):
        segment.written_in, segment.written_as = Segment.Language.TREE, ""
    segment.rules = dict(rules)


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

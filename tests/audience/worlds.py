"""Small random worlds of lists, people and suppressions, and the slow, obvious answers to compare with."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction
from django.utils.timezone import now
from hypothesis import strategies as st

from audience.models import Segment, Subscription, Suppression
from tests.factories import MailingListFactory, OrganizationFactory, SegmentFactory, SubscriberFactory

LISTS = 3
EMAILS = [None, "ann@example.com", "bob@mail.example.com", "cid@a.b.c.d.example.com", "dee@other.example", "eve@x.org"]
PHONES = ["", "+4520000001", "+4520000002"]
VALUES = [
    ("email", "ann@example.com"),
    ("email", "dee@other.example"),
    ("domain", "example.com"),
    ("domain", "mail.example.com"),
    ("domain", "b.c.d.example.com"),
    ("domain", "x.org"),
    ("phone", "+4520000001"),
]
RULES = {
    "everybody": {},
    "mail": {"field": "email", "operator": "contains", "value": "mail."},
    "no phone": {"match": "not", "rules": [{"field": "phone", "operator": "is_not_empty"}]},
    "subscribed": {"field": "status", "operator": "is", "value": "subscribed"},
    "broken": {"operator": "no such thing"},
}


@dataclass
class Person:
    """Statuses by list number; `row` is filled when the world is made."""

    email: str | None
    phone: str
    statuses: dict[int, str]
    row: object = None
    subscriptions: dict[int, Subscription] = field(default_factory=dict)


@dataclass(frozen=True)
class Ban:
    kind: str
    value: str
    scope: object  # "system", "organization" or a list's number


@dataclass(frozen=True)
class Rules:
    """A segment: the numbers of the lists it names, and which of RULES it has."""

    lists: tuple[int, ...]
    rules: str


@dataclass(frozen=True)
class Choice:
    """A part of an audience: numbers of a list and of a segment."""

    mailing_list: int | None
    segment: int | None
    excluded: bool


@dataclass
class World:
    people: list[Person]
    bans: list[Ban]
    segments: list[Rules]
    choices: list[Choice]
    channel: str


@st.composite
def worlds(draw):
    statuses = st.dictionaries(st.integers(0, LISTS - 1), st.sampled_from(Subscription.Status.values), max_size=LISTS)
    emails = draw(st.lists(st.sampled_from(EMAILS), max_size=6, unique=True))
    people = [Person(email, draw(st.sampled_from(PHONES)) if email else PHONES[1], draw(statuses)) for email in emails]
    scopes = st.sampled_from(["system", "organization", *range(LISTS)])
    bans = draw(st.lists(st.builds(lambda v, s: Ban(*v, s), st.sampled_from(VALUES), scopes), max_size=4, unique=True))
    lists = st.lists(st.integers(0, LISTS - 1), unique=True, max_size=2).map(tuple)
    segments = draw(st.lists(st.builds(Rules, lists, st.sampled_from(sorted(RULES))), max_size=2))
    places = [(n, None) for n in range(LISTS)] + [(n, s) for n in (None, *range(LISTS)) for s in range(len(segments))]
    choices = st.builds(lambda p, x: Choice(*p, x), st.sampled_from(places), st.sampled_from([False, False, True]))
    parts = draw(st.lists(choices, max_size=4))
    return World(people, bans, segments, parts, draw(st.sampled_from(["email", "sms"])))


@contextmanager
def made(world):
    """The world in the database, until the end of the block; yields (organization, lists, segments)."""
    with transaction.atomic():
        organization = OrganizationFactory()
        lists = [MailingListFactory(organization=organization) for _ in range(LISTS)]
        for person in world.people:
            _make_person(person, organization, lists)
        for ban in world.bans:
            _make_ban(ban, organization, lists)
        segments = [_make_segment(rules, organization, lists) for rules in world.segments]
        yield organization, lists, segments
        transaction.set_rollback(True)


def _make_person(person, organization, lists):
    person.row = SubscriberFactory(organization=organization, email=person.email, phone=person.phone)
    person.subscriptions = {
        number: Subscription.objects.create(
            mailing_list=lists[number], subscriber=person.row, status=status, unsubscribed_at=now()
        )
        for number, status in person.statuses.items()
    }


def _make_ban(ban, organization, lists):
    Suppression.objects.create(
        kind=ban.kind,
        value=ban.value,
        organization=None if ban.scope == "system" else organization,
        mailing_list=lists[ban.scope] if isinstance(ban.scope, int) else None,
    )


def _make_segment(rules, organization, lists):
    segment = SegmentFactory(organization=organization, rules=RULES[rules.rules])
    segment.mailing_lists.set([lists[number] for number in rules.lists])
    assert isinstance(segment, Segment)
    return segment


# --- the obvious answers -----------------------------------------------------------------------------------------


def reached_through(world, choice, person):
    """Numbers of the lists through which this part reaches the person; None where it does not mean them at all."""
    on = set(person.statuses)
    if choice.segment is None:
        return ({choice.mailing_list} & on) or None
    segment = world.segments[choice.segment]
    if segment.rules == "broken":
        return set() if choice.excluded else None
    if choice.mailing_list is None:
        return _in_segment(segment, person)
    if not segment.lists or choice.mailing_list in segment.lists:
        return {n for n in {choice.mailing_list} & on if _fulfils(segment.rules, person, {n})} or None
    return ({choice.mailing_list} & on if _in_segment(segment, person) else None) or None


def _in_segment(segment, person):
    on = set(person.statuses)
    if segment.lists:
        return {n for n in on & set(segment.lists) if _fulfils(segment.rules, person, {n})} or None
    return on if _fulfils(segment.rules, person, on) else None


def _fulfils(rules, person, rows):
    return {
        "everybody": True,
        "mail": "mail." in (person.email or ""),
        "no phone": not person.phone,
        "subscribed": any(person.statuses[n] == "subscribed" for n in rows),
    }[rules]


def is_banned(world, person, scopes):
    """Suppressed in one of these scopes, by what counts for the channel."""
    return any(ban.scope in scopes and _covers(world, ban, person) for ban in world.bans)


def _covers(world, ban, person):
    if world.channel == "sms":
        return ban.kind == "phone" and ban.value == person.phone
    if ban.kind == "email":
        return ban.value == person.email
    return ban.kind == "domain" and person.email is not None and _is_under(person.email.split("@")[1], ban.value)


def _is_under(domain, above):
    labels_below = domain.count(".") - above.count(".")
    return domain == above or (domain.endswith("." + above) and labels_below <= 3)


def left_out(world):
    """The pks of people whom an included part means and an excluded one too."""
    return {
        person.row.pk for person in world.people if all(_meant(world, person, excluded=flag) for flag in (True, False))
    }


def _meant(world, person, *, excluded):
    chosen = [choice for choice in world.choices if choice.excluded == excluded]
    return any(reached_through(world, choice, person) is not None for choice in chosen)


def expected(world):
    """What a selection ought to say: {person's pk: (skip_reason, allowed subscription ids)}."""
    answers = {}
    for person in world.people:
        ways = [reached_through(world, choice, person) for choice in world.choices if not choice.excluded]
        out = [reached_through(world, choice, person) for choice in world.choices if choice.excluded]
        if all(way is None for way in ways) or any(way is not None for way in out):
            continue
        through = set().union(*(way for way in ways if way))
        reason, numbers = _verdict(world, person, through)
        answers[person.row.pk] = (reason, {person.subscriptions[n].pk for n in numbers} or {None})
    return answers


def _verdict(world, person, through):
    """The skip reason, and the lists one of which has to be the way."""
    subscribed = {n for n in through if person.statuses[n] == "subscribed"}
    mailable = {n for n in subscribed if not is_banned(world, person, {n})}
    best = mailable or subscribed or _least_bad(person, through)
    if not (person.email if world.channel == "email" else person.phone):
        return "no_address", best
    if mailable:
        return ("suppressed" if is_banned(world, person, {"system", "organization"}) else ""), best
    if subscribed:
        return "suppressed", best
    return (person.statuses[min(best)] if best else "unsubscribed"), best


def _least_bad(person, through):
    for status in ("unconfirmed", "unsubscribed", "bounced", "complained"):
        if found := {n for n in through if person.statuses[n] == status}:
            return found
    return set()

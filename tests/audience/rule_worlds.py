"""Random people and rules for the oracle, and the same people in the database."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import strategies as st

from audience import fields
from audience.criteria.operators import OPERATORS, operators_of
from audience.criteria.scope import Scope
from audience.models import SubscriberTag, Subscription, Suppression, TaggedSubscription
from tests.factories import MailingListFactory, OrganizationFactory, SegmentFactory, SubscriberFactory

LISTS = 2
# key: (kind, of the lists or of everybody)
FIELDS = {
    "town": ("text", False),
    "note": ("text", True),
    "age": ("number", True),
    "born": ("date", False),
    "vip": ("boolean", True),
    "size": ("choice", True),
    "likes": ("multi_choice", False),
    "wants": ("multi_choice", True),
    "opens": ("time", False),
}
CHOICES = {"size": ["S", "M", "Ö"], "likes": ["Tea", "Über", "Salt, pepper"], "wants": ["Tea", "Über", "Salt, pepper"]}
EMAILS = ["ann@example.com", None, "bob@x.org", "cid@mail.example.com", "50%_x@a.b.c.d.example.com"]
PHONES = ["", "+4520000001", "+4520000002"]
TEXTS = ["Ulm", "ulm", "Köln", "KÖLN", "50%_\\", "m", "ЖУК", "жук", "10", "9", "009", "-3", "9.5", "1e3", "_", "%"]
NUMBERS = [-1, 0, 2, 2.5, 10, 10**15]
TIMES = ["00:00", "06:30", "06:30:01", "12:00", "23:59", "23:59:59"]
IPS = ["10.0.0.1", "10.0.1.1", "192.168.0.7", "2001:db8::1", "2001:db8:1::2"]
NETWORKS = ["10.0.0.0/24", "10.0.0.9/8", "0.0.0.0/0", "2001:db8::/48", "192.168.0.7"]
TAGS = ["New", "Old", "Bücher"]
UNITS = {"moment": ["minutes", "hours", "days", "weeks", "months"], "date": ["days", "weeks", "months"]}
# Zones whose clocks change at these times: a day of 23 hours, one of 25, and one that begins at 1 o'clock.
NOWS = {
    "Europe/Berlin": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    "Pacific/Auckland": datetime(2026, 4, 5, 12, 15, tzinfo=UTC),
    "America/Havana": datetime(2026, 3, 8, 16, 0, tzinfo=UTC),
    "UTC": datetime(2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC),
}
AMOUNTS = [1, 2, 7, 24, 25, 30]
AWAY = [timedelta(0), timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=23), timedelta(days=1)]
AWAY += [timedelta(days=n) for n in (2, 7, 28, 30, 31)] + [timedelta(days=1, hours=1), timedelta(minutes=30)]
BANS = [("email", "ann@example.com"), ("domain", "example.com"), ("domain", "b.c.d.example.com"), ("domain", "x.org")]
BANS += [("phone", "+4520000001"), ("email", "bob@x.org")]


def days(zone):
    today = NOWS[zone].astimezone(ZoneInfo(zone)).date()
    return [(today + timedelta(days=n)).isoformat() for n in (-31, -7, -2, -1, 0, 1, 2, 7, 30)]


def moments(zone):
    """Around now, and around the midnights of the days that rules name."""
    now = NOWS[zone]
    midnights = [datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for day in days(zone)]
    ticks = [timedelta(0), timedelta(microseconds=-1)]
    near = [now + sign * away for away in AWAY for sign in (1, -1)]
    return sorted({*near, *(midnight + tick for midnight in midnights for tick in ticks)})


# --- people ------------------------------------------------------------------------------------------------------


def stored(key, zone):
    """What may stand in a field: mostly values of its kind, and now and then nothing or something else."""
    kind = FIELDS[key][0]
    some = {
        "text": st.sampled_from([*TEXTS, "", 10]),
        "number": st.sampled_from([*NUMBERS, "ten"]),
        "date": st.sampled_from(days(zone)),
        "boolean": st.sampled_from([True, False, "yes", 1]),
        "choice": st.sampled_from(CHOICES.get(key, ["S"])),
        "multi_choice": st.lists(st.sampled_from(CHOICES.get(key, ["S"])), unique=True) | st.just("Tea"),
        "time": st.sampled_from(TIMES),
    }
    return some[kind]


@st.composite
def people(draw, zone):
    def some(of_lists):
        keys = [key for key, (_, on) in FIELDS.items() if on == of_lists]
        return {key: draw(stored(key, zone)) for key in keys if draw(st.booleans())}

    def row():
        when = st.none() | st.sampled_from(moments(zone))
        status = draw(st.sampled_from(Subscription.Status.values))
        return {
            "status": status,
            "subscribed_at": draw(when),
            "confirmed_at": draw(when),
            "unsubscribed_at": draw(st.sampled_from(moments(zone)) if status == "unsubscribed" else when),
            "ip_address": draw(st.none() | st.sampled_from(IPS)),
            "unsubscribe_ip_address": draw(st.none() | st.sampled_from(IPS)),
            "fields": some(True),
            "tags": draw(st.sets(st.sampled_from(TAGS))),
        }

    return {
        "phone": draw(st.sampled_from(PHONES)),
        "created_at": draw(st.sampled_from(moments(zone))),
        "fields": some(False),
        "rows": {number: row() for number in range(LISTS) if draw(st.integers(0, 3))},
    }


@st.composite
def worlds(draw, zones=tuple(NOWS), most=4, segments=2):
    """A world and its people."""
    zone = draw(st.sampled_from(zones))
    scopes = st.sampled_from(["system", "organization", *range(LISTS)])
    bans = st.lists(st.tuples(st.sampled_from(BANS), scopes), max_size=3, unique=True)
    world = {
        "zone": zone,
        "now": NOWS[zone],
        "bans": [(*ban, scope) for ban, scope in draw(bans)],
        "kinds": {key: kind for key, (kind, _) in FIELDS.items()},
        "of_lists": {key for key, (_, on) in FIELDS.items() if on},
        "segments": [],
    }
    some_lists = st.sets(st.integers(0, LISTS - 1)).map(lambda chosen: tuple(sorted(chosen)))
    for _ in range(draw(st.integers(0, segments))):
        rules = st.just("broken") | trees(zone, segments=segments, leaves=3)
        world["segments"].append({"lists": draw(some_lists), "rules": draw(rules)})
    return world, draw(st.lists(people(zone), max_size=most))


# --- rules -------------------------------------------------------------------------------------------------------

KINDS = {
    "email": "address",
    "email_domain": "address",
    "phone": "address",
    "created_at": "moment",
    "status": "choice",
    "subscribed_at": "moment",
    "confirmed_at": "moment",
    "unsubscribed_at": "moment",
    "ip_address": "ip",
    "unsubscribe_ip_address": "ip",
    "bounce": "choice",
    "subscription_id": "number",
    "tags": "tags",
    "list.0": "choice",
    "list.1": "choice",
    **{f"fields.{key}": kind for key, (kind, _) in FIELDS.items()},
}
SPECIAL = ("suppressed", "sample", "nobody", "everybody")


def values(field, zone):
    """Values of this field that a condition may compare with."""
    pools = {
        "email": ["ann@example.com", "Ann", "example", ".COM", "bob@x.org", "50%_"],
        "email_domain": ["example.com", "X.org", "com", "a.b.c.d.example.com"],
        "phone": ["+4520000001", "+45", "1"],
        "status": Subscription.Status.values,
        "list.0": Subscription.Status.values,
        "list.1": Subscription.Status.values,
        "bounce": ["none", "soft", "hard"],
        "subscription_id": [1, 2, 5, 40, 2.5, 10**15],
        "tags": [*TAGS, "new", "No such tag"],
    }
    by_kind = {
        "text": TEXTS,
        "number": NUMBERS,
        "date": days(zone),
        "moment": [*days(zone), NOWS[zone].astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat()],
        "boolean": [True, False],
        "time": TIMES,
        "ip": IPS,
    }
    pool = pools.get(field) or by_kind.get(KINDS[field]) or CHOICES[field.partition(".")[2]]
    return list(pool)


@st.composite
def conditions(draw, zone, names):
    field = draw(st.sampled_from(names))
    return draw(asked(field, draw(st.sampled_from(operators(field))), zone))


def operators(field):
    if field in ("nobody", "everybody"):
        return ("because",)
    if field == "sample":
        return ("percent",)
    return operators_of(KINDS[field]) if field in KINDS else ("is", "is_not")


def asked(field, operator, zone):
    """A condition that asks this field so."""
    if field not in KINDS:
        return special(field, operator)
    pool = values(field, zone)
    takes = str(OPERATORS[operator].takes)
    value = {
        "value": lambda: st.sampled_from(pool),
        "list": lambda: st.lists(st.sampled_from(pool), min_size=1, max_size=3),
        "range": lambda: _ranges(field, [one for one in pool if "T" not in str(one)]),
        "span": lambda: st.fixed_dictionaries(
            {"amount": st.sampled_from(AMOUNTS), "unit": st.sampled_from(UNITS[KINDS[field]])}
        ),
        "days": lambda: st.sampled_from([0, 1, 2, 7, 30]),
        "network": lambda: st.sampled_from(NETWORKS),
    }
    bare = {"field": field, "operator": operator}
    if takes == "nothing":
        return st.just(bare)
    return value[takes]().map(lambda chosen: {**bare, "value": chosen})


def _ranges(field, pool):
    ends = st.tuples(st.sampled_from(pool), st.sampled_from(pool))
    ordered = ends if KINDS[field] == "time" else ends.map(sorted)
    return ordered.map(lambda pair: {"from": pair[0], "to": pair[1]})


def special(field, operator):
    wanted = {
        "because": st.just("Nothing here knows that."),
        "percent": st.fixed_dictionaries(
            {"percent": st.sampled_from([0.5, 20, 50, 99]), "seed": st.sampled_from(["", "spring", 7])}
        ),
    }
    value = wanted.get(operator, st.booleans())
    return value.map(lambda chosen: {"field": field, "operator": operator, "value": chosen})


def trees(zone, segments=0, leaves=6):
    names = [*KINDS, *SPECIAL, *(f"segment.{number}" for number in range(segments))]
    groups = st.sampled_from(["all", "any", "not"])

    def around(node):
        several = st.lists(node, min_size=1, max_size=3)
        group = st.builds(lambda match, rules: {"match": match, "rules": rules}, groups, several)
        on = st.builds(
            lambda number, match, rules: {"on": number, "match": match, "rules": rules},
            st.integers(0, LISTS - 1),
            groups,
            several | st.just([]),
        )
        return group | on

    return st.recursive(conditions(zone, names), around, max_leaves=leaves)


# --- in the database ---------------------------------------------------------------------------------------------


class Made:
    """A world in the database."""

    def __init__(self, world, persons):
        self.world, self.persons, self.looked_from = world, persons, None
        self.organization = OrganizationFactory(timezone=world["zone"])
        self.lists = MailingListFactory.create_batch(LISTS, organization=self.organization)
        for key, (kind, on_list) in FIELDS.items():
            for mailing_list in self.lists if on_list else [None]:
                fields.create(
                    self.organization, key=key, kind=kind, mailing_list=mailing_list, choices=CHOICES.get(key, [])
                )
        self.tags = [
            {name: SubscriberTag.objects.create(mailing_list=each, name=name) for name in TAGS} for each in self.lists
        ]
        for number, person in enumerate(persons):
            self._person(number, person)
        for kind, value, scope in world["bans"]:
            self._ban(kind, value, scope)
        self.segments = [SegmentFactory(organization=self.organization) for _ in range(LISTS)]
        for segment, said in zip(self.segments, world["segments"], strict=False):
            broken = {"field": "fields.gone", "operator": "is_empty"}
            segment.rules = broken if said["rules"] == "broken" else self.named(said["rules"])
            segment.save()
            segment.mailing_lists.set([self.lists[number] for number in said["lists"]])
        world["segments"] += [{"lists": (), "rules": {}}] * (LISTS - len(world["segments"]))

    def _person(self, number, person):
        person["email"] = EMAILS[number % len(EMAILS)]
        if person["email"] and number >= len(EMAILS):
            person["email"] = f"{number}.{person['email']}"
        if not person["email"]:
            person["phone"] = f"+45200000{number:02}"
        columns = {name: person[name] for name in ("email", "phone", "created_at", "fields")}
        one = SubscriberFactory(organization=self.organization, **columns)
        person["pk"] = one.pk
        for at, row in person["rows"].items():
            columns = {name: value for name, value in row.items() if name != "tags"}
            made = Subscription.objects.create(mailing_list=self.lists[at], subscriber=one, **columns)
            row["pk"] = made.pk
            for name in row["tags"]:
                TaggedSubscription.objects.create(subscription=made, tag=self.tags[at][name])

    def _ban(self, kind, value, scope):
        Suppression.objects.create(
            kind=kind,
            value=value,
            organization=None if scope == "system" else self.organization,
            mailing_list=self.lists[scope] if isinstance(scope, int) else None,
        )

    def named(self, node):
        """The rules with the names that lists and segments have in the database."""
        if node == {}:
            return node
        if "rules" in node:
            on = {"on": self.lists[node["on"]].public_id} if "on" in node else {}
            return {**on, "match": node["match"], "rules": [self.named(rule) for rule in node["rules"]]}
        first, _, number = node["field"].partition(".")
        known = {"list": self.lists, "segment": self.segments}.get(first)
        return {**node, "field": f"{first}.{known[int(number)].public_id}"} if known else node

    def scopes(self):
        """By name, from where rules can look, at this world's moment; the same each time, for what they have read."""
        self.looked_from = self.looked_from or self._scopes()
        return self.looked_from

    def _scopes(self):
        ids = tuple(each.pk for each in self.lists)
        found = {
            "people": Scope.of_people(self.organization),
            "people behind rows": Scope.of_people_behind_rows(self.organization),
            "rows": Scope.of_rows(self.organization, ids),
            "rows of one list": Scope.of_rows(self.organization, ids[:1]),
        }
        return {name: replace(scope, now=self.world["now"]) for name, scope in found.items()}


@contextmanager
def made(world, persons):
    """The world in the database until the end of the block."""
    with transaction.atomic():
        yield Made(world, persons)
        transaction.set_rollback(True)

"""Small random worlds of campaigns, people and what they did, rules about them, and the slow, obvious answers."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import strategies as st

from audience.models import Subscriber, Subscription
from campaigns.models import Campaign, CampaignRun, Variant
from delivery.models import Recipient
from stats.models import Engagement, Event
from stats.standings import STANDING
from stats.tally import Seen, Tally
from tests.factories import EmailFactory, MailingListFactory, OrganizationFactory
from tracking.spool import Hit

ZONE = "Pacific/Auckland"
NOW = datetime(2026, 4, 6, 3, 30, tzinfo=UTC)
MOMENTS = [
    datetime(2026, 3, 1, 10, 59, 59, tzinfo=UTC),  # 23:59:59 on the first in Auckland
    datetime(2026, 3, 1, 11, tzinfo=UTC),  # midnight there
    datetime(2026, 4, 4, 20, tzinfo=UTC),  # the day their summer time ended
    NOW - timedelta(days=1),
    NOW - timedelta(days=1, microseconds=1),
    NOW - timedelta(minutes=5),
]
DAYS = ["2026-03-01", "2026-03-02", "2026-04-05", "2026-04-06"]
LINKS = ["https://example.com/a", "https://example.com/b"]
# By place: channel of the campaign, numbers of its runs; the last one was never started.
CAMPAIGNS = [("email", (0, 1)), ("email", (2,)), ("sms", (3,)), ("email", ())]
KINDS = ["opened", "clicked", "viewed", "unsubscribed", "complained", "bounced"]
# Who else than people does it.
AGENTS = {"opened": ("proxy", "bot"), "clicked": ("bot",), "viewed": ("bot",)}
RECIPIENT_DEEDS = ["queued", "sent", "delivered", "failed"]
DEEDS = ["opened", "clicked", "unsubscribed", "complained", "bounced", *RECIPIENT_DEEDS]


@dataclass(frozen=True)
class Message:
    """What one run sent one person, and what was done with it: (kind, moment, link, agent)."""

    state: str
    at: datetime
    events: tuple


@dataclass
class Person:
    """`messages` by run number; `lists` are numbers of lists."""

    lists: tuple[int, ...]
    messages: dict[int, Message]
    row: Subscriber | None = None
    subscriptions: list = field(default_factory=list)


@dataclass(frozen=True)
class Rule:
    """As the rule's JSON, but with places of CAMPAIGNS ("foreign" for somebody else's) for campaigns and emails."""

    first_word: str
    what: str
    operator: str
    campaigns: tuple
    email: object
    link: str
    within: dict
    count: dict


@dataclass
class World:
    people: list[Person]
    rule: Rule


moments = st.sampled_from(MOMENTS)


@st.composite
def events(draw):
    kind = draw(st.sampled_from(KINDS))
    agent = draw(st.sampled_from(["human", "human", *AGENTS.get(kind, ())]))
    return kind, draw(moments), draw(st.sampled_from(LINKS)) if kind == "clicked" else "", agent


messages = st.builds(
    Message, st.sampled_from(["sent", "sent", "failed", "skipped", "pending"]), moments, st.lists(events(), max_size=4)
)
people = st.builds(
    Person,
    st.lists(st.integers(0, 1), unique=True, max_size=2).map(tuple),
    st.dictionaries(st.integers(0, 3), messages, max_size=3),
)
back = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["in_last", "not_in_last"]),
        "amount": st.sampled_from([1, 5, 40]),
        "unit": st.sampled_from(["minutes", "hours", "days", "weeks"]),
    }
)
between = st.builds(
    lambda kind, days: {"type": kind, "from": min(days), "to": max(days)},
    st.sampled_from(["between", "not_between"]),
    st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS)),
)
beside = st.fixed_dictionaries({"type": st.sampled_from(["after", "before"]), "day": st.sampled_from(DAYS)})
counts = st.dictionaries(st.sampled_from(["at_least", "at_most", "exactly"]), st.integers(0, 4), min_size=1, max_size=1)
named = st.sampled_from([0, 1, 2, 3, "foreign"])


@st.composite
def rules(draw):
    what = draw(st.sampled_from(DEEDS))
    return Rule(
        draw(st.sampled_from(["campaign", "campaign", "sms"])),
        what,
        draw(st.sampled_from(["did", "did_not"])),
        draw(st.just(()) | st.lists(named, unique=True, min_size=1, max_size=3).map(tuple)),
        draw(st.none() | st.none() | st.sampled_from([0, 1, "foreign"])),
        draw(st.just("") | st.sampled_from(LINKS)) if what == "clicked" else "",
        draw(st.just({}) | back | between | beside),
        draw(st.just({}) | counts),
    )


worlds = st.builds(World, st.lists(people, max_size=4), rules())


@contextmanager
def made(world):
    """The world in the database, until the end of the block; yields (organization, lists, the rule as JSON)."""
    with transaction.atomic():
        organization = OrganizationFactory(timezone=ZONE)
        lists = [MailingListFactory(organization=organization) for _ in range(2)]
        campaigns, emails, runs = _make_campaigns(organization)
        for number, person in enumerate(world.people):
            _make_person(person, number, organization, lists, runs)
        yield organization, lists, _as_json(world.rule, campaigns, emails)
        transaction.set_rollback(True)


def _make_campaigns(organization):
    """Campaigns and emails by place, and somebody else's; runs by number."""
    campaigns, emails, runs = {}, {}, {}
    for place, (channel, numbers) in enumerate(CAMPAIGNS):
        campaigns[place] = Campaign.objects.create(organization=organization, name=f"Campaign {place}", channel=channel)
        emails[place] = EmailFactory(organization=organization)
        Variant.objects.create(campaign=campaigns[place], email=emails[place] if channel == "email" else None)
        for number in numbers:
            runs[number] = CampaignRun.objects.create(campaign=campaigns[place], number=number)
    stranger = OrganizationFactory()
    campaigns["foreign"] = Campaign.objects.create(organization=stranger, name="Theirs")
    emails["foreign"] = EmailFactory(organization=stranger)
    return campaigns, emails, runs


def _make_person(person, number, organization, lists, runs):
    person.row = Subscriber.objects.create(organization=organization, email=f"reader{number}@example.com")
    person.subscriptions = [
        Subscription.objects.create(mailing_list=lists[place], subscriber=person.row) for place in person.lists
    ]
    for at, message in person.messages.items():
        recipient = Recipient.objects.create(
            run=runs[at],
            subscriber=person.row,
            variant=runs[at].campaign.variants.get(),
            state=message.state,
            skip_reason="suppressed" if message.state == "skipped" else "",
            settled_at=message.at,
        )
        make_events(recipient, message.events)


def make_events(recipient, happened):
    """Events and engagement as ingest would have stored them; `happened` are (kind, moment, link, agent)."""
    tally = Tally({}, {})
    whose = {"run": recipient.run, "recipient": recipient, "subscriber": recipient.subscriber}
    for kind, at, link, *others in happened:
        agent = others[0] if others else "human"
        Event.objects.create(**whose, kind=kind, at=at, url=link, agent=agent)
        hit = Hit(kind, recipient.run_id, recipient.pk, recipient.subscriber_id, at, url=link)
        tally.add(Seen(hit, 0, at, agent))
    for standing in tally.standings.values():
        columns = {name: getattr(standing, name) for name in STANDING}
        Engagement.objects.create(**whose, **columns)


def _as_json(rule, campaigns, emails):
    """Ids as numbers for campaigns in even places, as public ids for the others."""
    value = {"within": rule.within, "count": rule.count, "link": rule.link}
    if rule.campaigns:
        value["campaigns"] = [
            campaigns[place].pk if place in (0, 2, "foreign") else campaigns[place].public_id
            for place in rule.campaigns
        ]
    if rule.email is not None:
        value["email"] = emails[rule.email].public_id
    said = {key: each for key, each in value.items() if each}
    return {"field": f"{rule.first_word}.{rule.what}", "operator": rule.operator, "value": said}


# --- the obvious answers -----------------------------------------------------------------------------------------


def holds(rule, person):
    """Whether the rule holds for this person."""
    mine = [place for place in rule.campaigns if place != "foreign"]
    if rule.first_word == "sms":
        mine = [place for place in mine if CAMPAIGNS[place][0] == "sms"]
    if (rule.campaigns and not mine) or rule.email == "foreign":
        return False
    times = sum(_times(rule, message) for run, message in person.messages.items() if _is_meant(rule, run, mine))
    return _is_often_enough(rule, times) == (rule.operator == "did")


def _is_meant(rule, run, mine):
    place = next(place for place, (_, runs) in enumerate(CAMPAIGNS) if run in runs)
    if mine and place not in mine:
        return False
    if rule.first_word == "sms" and CAMPAIGNS[place][0] != "sms":
        return False
    return rule.email is None or (place == rule.email and CAMPAIGNS[place][0] == "email")


def _times(rule, message):
    kinds = [event[0] for event in message.events]
    if rule.what in RECIPIENT_DEEDS:
        is_so = {
            "queued": message.state != "skipped",
            "sent": message.state == "sent" and _is_within(rule.within, message.at),
            "delivered": message.state == "sent" and "bounced" not in kinds,
            "failed": message.state == "failed",
        }
        return int(is_so[rule.what])
    counted = [
        kind
        for kind, at, link, agent in message.events
        if agent != "bot" and _is_within(rule.within, at) and rule.link in ("", link)
    ]
    if rule.what == "opened":
        return counted.count("opened") or int("clicked" in counted or "viewed" in counted)
    return counted.count(rule.what)


def _is_within(within, at):
    if not within:
        return True
    kind, day = within["type"], at.astimezone(ZoneInfo(ZONE)).date()
    if kind in ("in_last", "not_in_last"):
        is_recent = NOW - at <= timedelta(**{within["unit"]: within["amount"]})
        return is_recent == (kind == "in_last")
    if kind in ("between", "not_between"):
        is_between = date.fromisoformat(within["from"]) <= day <= date.fromisoformat(within["to"])
        return is_between == (kind == "between")
    other = date.fromisoformat(within["day"])
    return day > other if kind == "after" else day < other


def _is_often_enough(rule, times):
    if not rule.count or rule.what in ("queued", "delivered", "failed"):
        return times >= 1
    ((comparison, number),) = rule.count.items()
    return {"at_least": times >= number, "at_most": times <= number, "exactly": times == number}[comparison]

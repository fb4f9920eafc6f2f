"""Octeth's rules, a list of people to ask them of, and whom they mean there."""

import json
from datetime import UTC, datetime

from audience import fields
from audience.criteria import octeth
from audience.criteria.compiler import compile_tree
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, from_json, to_json
from audience.models import SubscriberTag, Subscription, Suppression, TaggedSubscription
from tests.factories import MailingListFactory, OrganizationFactory, SubscriberFactory

NOW = datetime(2026, 4, 10, 12, tzinfo=UTC)


def about(field_id, operator, value=None, **more):
    return {"type": "fields", "field_id": field_id, "operator": operator, "value": value, **more}


def mail(text):
    return about("EmailAddress", "contains", text)


A, B, C, D, E = (mail(letter) for letter in "abcde")
a, b, c, d, e = (Condition("email", "contains", letter) for letter in "abcde")


def list_in_berlin():
    return MailingListFactory(organization=OrganizationFactory(timezone="Europe/Berlin"), name="News")


def parse(rules, mailing_list, operator="and", **more):
    return octeth.parse(json.dumps(rules), operator=operator, mailing_list=mailing_list, **more)


def every(*rules):
    return Group(Match.ALL, rules)


def one(*rules):
    return Group(Match.ANY, rules)


PEOPLE = {
    "ann": {"status": "subscribed", "subscribed_at": datetime(2026, 4, 10, 9, tzinfo=UTC), "ip_address": "10.0.0.1"},
    "bob": {"status": "unconfirmed", "subscribed_at": datetime(2026, 4, 8, 9, tzinfo=UTC)},
    "cid": {"status": "unsubscribed", "unsubscribed_at": NOW, "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC)},
    "dee": {"status": "bounced", "subscribed_at": None},
    "eve": {"status": "complained", "subscribed_at": datetime(2026, 3, 1, tzinfo=UTC)},
}
TOWNS = {"ann": {"town": "Ulm", "age": 30}, "bob": {"town": "ulm 50%", "age": 9}, "cid": {"town": "Köln"}}
LIST_VALUES = {
    "ann": {"born": "2026-04-10", "colours": ["red", "blue"], "size": "S", "code": "9", "wakes": "07:00"},
    "bob": {"born": "2026-04-12", "colours": ["red"], "size": "M", "code": "10", "wakes": "09:30"},
    "cid": {"born": "2026-04-03", "code": "x", "news": True},
}


def populated(news):
    """The list with five people, their fields, tags and suppressions; `numbers` are those of fields and tags."""
    organization = news.organization
    made = [fields.create(organization, key="town", name="Town")]
    made += [fields.create(organization, key="age", name="Age", kind="number")]
    for key, kind, choices in (
        ("born", "date", ()),
        ("colours", "multi_choice", ("red", "green", "blue")),
        ("size", "choice", ("S", "M")),
        ("code", "text", ()),
        ("wakes", "time", ()),
        ("news", "boolean", ()),
    ):
        made += [fields.create(organization, key=key, kind=kind, choices=choices, mailing_list=news)]
    for name, about_row in PEOPLE.items():
        person = SubscriberFactory(
            organization=organization, email=f"{name}@example.com", fields=TOWNS.get(name, {}), created_at=NOW
        )
        Subscription.objects.create(mailing_list=news, subscriber=person, fields=LIST_VALUES.get(name, {}), **about_row)
    tags = [SubscriberTag.objects.create(mailing_list=news, name=name) for name in ("vip", "new", "old")]
    for name, carried in {"ann": tags[:2], "bob": tags[:1]}.items():
        for tag in carried:
            TaggedSubscription.objects.create(subscription=_row(news, name), tag=tag)
    Suppression.objects.create(kind="email", value="bob@example.com", organization=organization)
    Suppression.objects.create(kind="email", value="cid@example.com", organization=organization, mailing_list=news)
    Suppression.objects.create(kind="email", value="dee@example.com")
    news.numbers = {field.key: field.pk for field in made} | {tag.name: tag.pk for tag in tags}
    return news


def _row(mailing_list, name):
    return Subscription.objects.get(mailing_list=mailing_list, subscriber__email=f"{name}@example.com")


def found(tree, mailing_list):
    """First letters of the people on the list whom the tree means."""
    scope = Scope(
        organization=mailing_list.organization,
        mailing_lists=(mailing_list.pk,),
        person="subscriber__",
        row="",
        now=NOW,
    )
    rows = Subscription.objects.filter(compile_tree(from_json(to_json(tree)), scope), mailing_list=mailing_list)
    return "".join(sorted(email[0] for email in rows.values_list("subscriber__email", flat=True)))

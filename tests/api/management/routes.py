"""Every route of the API, as its own schema names them, and requests that would do harm if they were let through."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.apps import apps
from django.core.files.base import ContentFile

from api.management.numbers import numbered_id
from audience import fields as custom_fields
from audience import imports, lifting, subscriber_tags, suppression_imports, suppressions
from audience.models import Suppression
from delivery.models import QuietHours
from splittests import planning
from splittests.resending import set_auto_resend
from tests.api.management.conftest import ROOT
from tests.factories import EditionFactory, SegmentFactory, SubscriptionFactory, campaign_in, draft_campaign, staff
from webhooks import endpoints

SNAPSHOT = Path(__file__).parents[3] / "api" / "management" / "openapi.json"  # which a test holds to be current
WRITES = {"post", "patch", "delete", "put"}
PARAMETERS = {"explain": ("subscriber_id",)}  # what addresses cannot be read without


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # below ROOT, with {id} where a thing is named

    def __str__(self):
        return f"{self.method.upper()} {self.path}"

    @property
    def kind(self):
        return self.path.split("/")[0]


@cache
def _paths():
    return json.loads(SNAPSHOT.read_text())["paths"]


def every_route():
    paths = _paths()
    return [Route(method, path.lstrip("/")) for path in sorted(paths) for method in sorted(paths[path])]


def read_from_addresses(route):
    """The names of the query parameters that this route reads."""
    operation = _paths()[f"/{route.path}"][route.method]
    return [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]


@dataclass(frozen=True)
class Belongings:
    """One thing of each kind, all of one organization."""

    by_kind: dict
    body: dict

    def ask(self, client, route, **kwargs):
        """Send this request about these things, with everything in the body that any route reads."""
        thing = self.by_kind.get(route.kind)
        address = ROOT + route.path.replace("{id}", thing.public_id if thing else "")
        about = {name: self.body[name] for name in PARAMETERS.get(route.path.rstrip("/").split("/")[-1], ())}
        return getattr(client, route.method)(address, self.body if route.method in WRITES else about, **kwargs)


def belongings_of(organization):
    campaign = draft_campaign(organization, name="Spring sale", tags=["secret tag"])
    planning.plan(campaign, by=staff(organization), wait=3)
    campaign_in("pending_approval", organization, name="Summer sale")
    edition = EditionFactory(organization=organization, name="Sunday edition")
    segment = SegmentFactory(organization=organization, name="Readers we know", status="failed")
    mailing_list = campaign.audience.get().mailing_list
    email = campaign.variants.get().email
    row = SubscriptionFactory(mailing_list=mailing_list, subscriber__email="known@readers.example")
    person = row.subscriber
    subscriber_tags.add(row, ["vip reader"])
    field = custom_fields.create(organization, key="known_town", name="Town we know")
    where = {"organization": organization, "kind": "email", "value": "unwanted@readers.example"}
    suppressions.suppress(**where | {"value": "wanted@readers.example"})
    lifting.lift(Suppression.objects.all(), by=staff(organization), why="They asked for it")
    suppression = suppressions.suppress(**where)
    people = ContentFile(b"email\nann@example.com\n", name="people we know.csv")
    upload = imports.create(mailing_list, people, by=staff(organization))
    upload.error_file.save("errors.csv", ContentFile(b"row,reason\n"))
    told = {"url": "https://hooks.example/known", "events": ["campaign.sent"], "by": staff(organization)}
    webhook = endpoints.create(organization, name="Shop we know", **told)
    endpoints.send_test(webhook, by=told["by"])
    blocked = suppression_imports.create_from_text(
        "x@readers.example", organization=organization, by=staff(organization)
    )
    blocked.error_file.save("blocked-errors.csv", ContentFile(b"row,reason\n"))
    quiet = QuietHours.objects.create(organization=organization, edition=edition, channel="sms")
    set_auto_resend(campaign, by=staff(organization), subject="We know you")
    by_kind = {
        "campaigns": campaign,
        "editions": edition,
        "segments": segment,
        "email-messages": email,
        "organizations": organization,
        "mailing-lists": mailing_list,
        "tags": organization.tags.get(),
        "subscribers": person,
        "subscriptions": Numbered(numbered_id("sbn", row.pk), "known@readers.example"),
        "subscriber-tags": Numbered(numbered_id("stg", row.tagged.get().tag_id), "vip reader"),
        "custom-fields": Numbered(numbered_id("fld", field.pk), "Town we know"),
        "suppressions": Numbered(numbered_id("sup", suppression.pk), "unwanted@readers.example"),
        "lifted-suppressions": Numbered(
            numbered_id("lif", organization.lifted_suppressions.get().pk), "wanted@readers.example"
        ),
        "imports": upload,
        "webhooks": webhook,
        "quiet-hours": Numbered(numbered_id("quh", quiet.pk), edition.public_id),
        "suppression-imports": blocked,
    }
    body = {
        "organization_id": organization.public_id,
        "edition_id": edition.public_id,
        "segment_id": segment.public_id,
        "email_message_id": email.public_id,
        "mailing_list_ids": [mailing_list.public_id],
        "mailing_list_id": mailing_list.public_id,
        "audience": [{"mailing_list_id": mailing_list.public_id}],
        "subscriber_id": person.public_id,
        "name": "Taken over",
        "title": "Taken over",
        "subject": "Taken over",
        "type": "campaign",
        "channel": "email",
        "scheduled_at": "2037-01-01T00:00:00Z",
        "reason": "Taken over",
        "timezone": "Europe/Oslo",
        "tags": ["taken over"],
        "email": "taken@over.example",
        "fields": {},
        "key": "taken_over",
        "value": "taken@over.example",
        "values": ["taken@over.example"],
        "text": "email\ntaken@over.example\n",
        "addresses": ["taken@over.example"],
        "url": "https://taken.over.example/",
        "events": ["message.opened"],
        "variants": [{"email_message_id": email.public_id}, {"email_message_id": email.public_id, "weight": 3}],
        "variant": "A",
        "wait": 9,
        "wait_days": 9,
        "begin": "23:00",
        "end": "05:00",
        "since": "2020-01-01T00:00:00Z",
    }
    return Belongings(by_kind=by_kind, body=body)


@dataclass(frozen=True)
class Numbered:
    """A thing whose id is made from its key."""

    public_id: str
    name: str

    def __str__(self):
        return self.name


def everything_stored():
    """Every row of every table of ours, but for when keys were used."""
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in OUR_ROOMS]
    return {
        model._meta.label: sorted(map(repr, model._base_manager.values()))
        for model in ours
        if model._meta.label not in {"accounts.ApiKey"}
    }


OUR_ROOMS = {"accounts", "tags", "audience", "content", "campaigns", "tracking", "delivery", "stats", "splittests"} | {
    "webhooks",
    "api",
}

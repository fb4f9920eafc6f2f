"""Octeth's subscriber is our subscription: a person on one list. How one reads, and how values for one are written."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet

from api.octeth.errors import Refused
from api.octeth.parameters import as_day, as_id
from api.octeth.registry import Call
from api.octeth.rows import moment
from audience import fields as custom_fields
from audience.criteria.octeth import parse, parse_text
from audience.criteria.tree import to_json
from audience.errors import InvalidRules
from audience.models import CustomField, MailingList, Subscription, Suppression
from audience.segments import rows_on
from tracking.clients import canonical, client_address

Status = Subscription.Status
STATUSES = {
    Status.SUBSCRIBED: "Subscribed",
    Status.UNCONFIRMED: "Opt-In Pending",
    Status.UNSUBSCRIBED: "Unsubscribed",
    Status.BOUNCED: "Subscribed",  # who bounces has not left: `BounceType` keeps mail from them
    Status.COMPLAINED: "Unsubscribed",
}
# What a client may write; a departure that still has to be confirmed there is one here.
WRITTEN = {
    "subscribed": Status.SUBSCRIBED,
    "opt-in pending": Status.UNCONFIRMED,
    "confirmation pending": Status.UNCONFIRMED,
    "unsubscribed": Status.UNSUBSCRIBED,
    "opt-out pending": Status.UNSUBSCRIBED,
}
BOUNCE_TYPES = ("not bounced", "hard", "soft")
FIELD_PREFIX = "customfield"


def rows(found: MailingList) -> QuerySet[Subscription]:
    people = Subscription.objects.filter(mailing_list=found, subscriber__organization=found.organization_id)
    return people.select_related("subscriber", "mailing_list__organization")


def row(of_list: Subscription, fields: Mapping[str, CustomField]) -> dict[str, Any]:
    """`SubscriberInformation`, with each custom field by its number."""
    person, zone = of_list.subscriber, of_list.mailing_list.organization.timezone
    values = {**person.fields, **of_list.fields}
    return {
        "SubscriberID": of_list.pk,
        "EmailAddress": person.email or "",
        "SubscriptionStatus": STATUSES[Status(of_list.status)],
        "SubscriptionDate": moment(of_list.subscribed_at or of_list.created_at, zone),
        "SubscriptionIP": of_list.ip_address or "",
        "OptInDate": moment(of_list.confirmed_at, zone),
        "UnsubscriptionDate": moment(of_list.unsubscribed_at, zone),
        "UnsubscriptionIP": of_list.unsubscribe_ip_address or "",
        "BounceType": bounce_type(of_list),
        **{f"CustomField{field.pk}": custom_fields.as_cell(values.get(key, "")) for key, field in fields.items()},
    }


def bounce_type(of_list: Subscription) -> str:
    if of_list.status == Status.BOUNCED:
        return "Hard"
    return "Soft" if of_list.subscriber.soft_bounces else "Not Bounced"


# --- values of fields --------------------------------------------------------------------------------------------


def written_fields(call: Call, known: Mapping[str, CustomField], *names: str) -> dict[str, Any]:
    """Values by key, from `CustomField28` beside the others and from these objects (`Fields`, `CustomFields`), whose
    names are the same or the bare number. Numbers of no field are passed over."""
    by_number = {field.pk: key for key, field in known.items()}
    found: dict[str, Any] = {}
    for name in names:
        tree = call.parameters.tree(name)
        pairs = tree.items() if isinstance(tree, Mapping) else []
        found |= {by_number[number]: value for word, value in pairs if (number := field_number(word)) in by_number}
    beside = call.parameters.numbered(FIELD_PREFIX)
    direct = {by_number[number]: value for number, value in beside if number in by_number}
    return {key: _plain(value) for key, value in (found | direct).items()}


def unknown_fields(call: Call, known: Mapping[str, CustomField], name: str) -> list[str]:
    """Names in this object that are of no field."""
    numbers = {field.pk for field in known.values()}
    tree = call.parameters.tree(name)
    words = tree if isinstance(tree, Mapping) else []
    return [str(word) for word in words if field_number(word) not in numbers]


def field_number(word: str) -> int | None:
    return as_id(word.removeprefix(FIELD_PREFIX))


def _plain(value: Any) -> Any:
    """PHP's lists with numbers for names are lists."""
    return list(value.values()) if isinstance(value, Mapping) else value


# --- who is meant --------------------------------------------------------------------------------------------------


def by_rules(call: Call, found: MailingList, name: str = "RulesJSON") -> QuerySet[Subscription]:
    """The subscriptions that RulesJSON, or the old Rules, mean. Raises InvalidRules."""
    given = call.parameters
    operator = given.word("RulesOperator") or given.word("Operator")
    if given.given(name):
        tree = parse(given.as_json_text(name), operator=operator, mailing_list=found)
    elif given.word("Rules"):
        tree = parse_text(given.text("Rules"), operator=operator, mailing_list=found)
    else:
        raise InvalidRules("There are no rules.")
    return rows_on(found, to_json(tree)).select_related("subscriber", "mailing_list__organization")


def suppressed(found: MailingList) -> Q:
    """Subscriptions whose address nothing may be sent to, by address or domain, in any scope."""
    scopes = Q(organization=None) | Q(organization=found.organization_id, mailing_list=None)
    of = Suppression.objects.filter(scopes | Q(mailing_list=found.pk))
    by_address = of.filter(kind=Suppression.Kind.EMAIL, value=OuterRef("subscriber__email"))
    by_domain = of.filter(kind=Suppression.Kind.DOMAIN, value=OuterRef("subscriber__email_domain"))
    return Q(Exists(by_address)) | Q(Exists(by_domain))


def address_of(call: Call, name: str = "IPAddress") -> str:
    """The IP address the client says the person came from, else that of whoever asks."""
    return canonical(call.parameters.word(name)) or client_address(call.request.META)


def when(call: Call, name: str, code: int) -> datetime | None:
    """A moment on the account's clock: a day, or a day and a time. Raises Refused for anything else."""
    text = call.parameters.word(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(code, text=f"{name} is not a date") from error
    if as_day(found.date().isoformat()) is None:
        raise Refused(code, text=f"{name} is too far away")
    zone = ZoneInfo(call.organization.timezone)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def ids(people: Iterable[Subscription]) -> list[int]:
    return [each.pk for each in people]

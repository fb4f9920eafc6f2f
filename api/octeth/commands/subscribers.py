"""People on lists, for programs with a credential (Octeth's Subscriber.* and Subscribers.*)."""

from typing import Any

from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet

from api.octeth import people
from api.octeth.errors import Refused, Shape
from api.octeth.lists import mailing_list
from api.octeth.ordering import ordered
from api.octeth.parameters import as_id
from api.octeth.registry import Call, Limit, command
from audience import fields as custom_fields
from audience import people as persons
from audience import subscriber_tags, subscriptions, suppressions
from audience.addresses import normalise_email
from audience.errors import AlreadyThere, InvalidAddress, InvalidFields, InvalidRules, InvalidTag, StaysOut
from audience.models import CustomField, MailingList, Segment, Subscription, TaggedSubscription
from audience.segments import reach_within
from tracking.clients import canonical

Status = Subscription.Status
SOURCE = "octeth api"
LIMIT = Limit(100, 60)
PAGE = 25
ORDERS = {
    "emailaddress": "subscriber__email",
    "subscriberid": "pk",
    "subscriptiondate": "subscribed_at",
    "subscriptionip": "ip_address",
    "optindate": "confirmed_at",
    "subscriptionstatus": "status",
}
SEGMENTS = {
    "active": Q(status=Status.SUBSCRIBED),
    "unsubscribed": Q(status__in=[Status.UNSUBSCRIBED, Status.COMPLAINED]),
    "soft bounced": Q(subscriber__soft_bounces__gt=0) & ~Q(status=Status.BOUNCED),
    "hard bounced": Q(status=Status.BOUNCED),
    "opt-in pending": Q(status=Status.UNCONFIRMED),
}


# --- creating and changing -----------------------------------------------------------------------------------------


@command("subscriber.create", permission="Subscribers.Import", shape=Shape.BOTH, writes=True, limit=LIMIT)
def create(call: Call) -> dict[str, Any]:
    """With the evidence the client gives: when and from where the person said so."""
    given = call.parameters
    call.require("ListID", "EmailAddress", codes={"ListID": 1, "EmailAddress": 2})
    found = mailing_list(call, "ListID", unknown=4)
    status, about = _evidence(call)
    _require_new(call, found)
    known = custom_fields.of_list(found)
    try:
        row = subscriptions.subscribe(
            found,
            email=given.word("EmailAddress"),
            fields=people.written_fields(call, known, "CustomFields", "Fields"),
            source=given.word("Source", SOURCE)[:64],
            by=call.who.user,
            status=status,
            **about,
        )
    except InvalidAddress as refusal:
        raise Refused(3, text=str(refusal)) from refusal
    except InvalidFields as refusal:
        raise Refused(17, text=str(refusal)) from refusal
    except StaysOut as refusal:
        raise Refused(21, text=str(refusal)) from refusal
    return _shown(row, known)


def _evidence(call: Call) -> tuple[str, dict[str, Any]]:
    """Status, time and address; each status needs those of its own kind."""
    given = call.parameters
    word = given.word("Status", "Subscribed").lower()
    if given.word("BounceType") and given.word("BounceType").lower() not in people.BOUNCE_TYPES:
        raise Refused(5, text="BounceType is Not Bounced, Hard or Soft")
    if word not in people.WRITTEN:
        raise Refused(6, text="Status is not known")
    status = people.WRITTEN[word]
    leaves = status == Status.UNSUBSCRIBED
    prefix = "Unsubscription" if leaves else "Subscription"
    bad_date, no_date, no_ip, bad_ip = (13, 11, 12, 14) if leaves else (7, 8, 9, 10)
    at = people.when(call, f"{prefix}Date", bad_date)
    if at is None:
        raise Refused(no_date, text=f"{prefix}Date is missing")
    if not given.word(f"{prefix}IP"):
        raise Refused(no_ip, text=f"{prefix}IP is missing")
    address = canonical(given.word(f"{prefix}IP"))
    if not address:
        raise Refused(bad_ip, text=f"{prefix}IP is not an IP address")
    if given.word("BounceType").lower() == "hard":
        status = Status.BOUNCED
    return status, {"at": at, "ip_address": address}


def _require_new(call: Call, found: MailingList) -> None:
    """Somebody who is there is changed only where the client asks for it."""
    given = call.parameters
    row = _by_address(found, given.word("EmailAddress"))
    if row is None:
        return
    if row.status in (Status.UNSUBSCRIBED, Status.COMPLAINED):
        if not given.flag("UpdateIfUnsubscribed"):
            raise Refused(21, text="The subscriber has unsubscribed before")
    elif not given.flag("UpdateIfDuplicate"):
        raise Refused(20, text="The subscriber is on the list already")


def _by_address(found: MailingList, written: str) -> Subscription | None:
    try:
        return people.rows(found).filter(subscriber__email=normalise_email(written)).first()
    except InvalidAddress:
        return None


def _shown(row: Subscription, known: dict[str, CustomField]) -> dict[str, Any]:
    row = people.rows(row.mailing_list).get(pk=row.pk)
    found = row.mailing_list
    forbidden = suppressions.check(found.organization, row.subscriber.email or "", mailing_list=found)
    return {
        "SubscriberInformation": people.row(row, known),
        "Suppressed": forbidden is not None,
        "SubscriberTags": _tags(row),
        "SubscriberSegments": [],
        "SubscriberJourneys": [],
        "SubscriberWebsiteEvents": [],
    }


def _tags(row: Subscription) -> list[dict[str, Any]]:
    worn = TaggedSubscription.objects.filter(subscription=row).order_by("tag__name")
    return [{"TagID": pk, "TagName": name} for pk, name in worn.values_list("tag_id", "tag__name")]


@command("subscriber.update", permission="Subscriber.Update", writes=True)
def update(call: Call) -> dict[str, Any]:
    given = call.parameters
    row = _named(call, list_name="SubscriberListID", codes=(1, 2, 5, 6))
    known = custom_fields.of_list(row.mailing_list)
    if "EmailAddress" in given and not given.word("EmailAddress"):
        raise Refused(3)
    if unknown := people.unknown_fields(call, known, "Fields"):
        raise Refused(11, extra={"ErrorCustomFieldIDs": ",".join(unknown)})
    _change_address(call, row)
    _change_fields(call, row, known)
    _change_status(call, row)
    return {"ErrorText": ""}


def _named(call: Call, *, list_name: str, codes: tuple[int, int, int, int]) -> Subscription:
    """By its number on its list. `codes`: number missing, list missing, no such list, no such subscription."""
    no_id, no_list, unknown_list, unknown = codes
    if not call.parameters.word("SubscriberID"):
        raise Refused(no_id)
    found = mailing_list(call, list_name, missing=no_list, unknown=unknown_list)
    row = people.rows(found).filter(pk=call.parameters.whole("SubscriberID")).first()
    if row is None:
        raise Refused(unknown)
    return row


def _change_address(call: Call, row: Subscription) -> None:
    written = call.parameters.word("EmailAddress")
    try:
        if written and normalise_email(written) != row.subscriber.email:
            persons.change(row.subscriber, {"email": written})
    except InvalidAddress as refusal:
        raise Refused(4) from refusal
    except (AlreadyThere, StaysOut, IntegrityError) as refusal:
        raise Refused(7) from refusal


def _change_fields(call: Call, row: Subscription, known: dict[str, CustomField]) -> None:
    written = people.written_fields(call, known, "Fields", "CustomFields")
    of_list = {key: value for key, value in written.items() if known[key].mailing_list_id}
    of_person = {key: value for key, value in written.items() if not known[key].mailing_list_id}
    try:
        if of_person:
            persons.change_fields(row.subscriber, of_person)
        if of_list:
            persons.change_list_fields(row, of_list)
    except InvalidFields as refusal:
        raise Refused(10, extra=_which(refusal, known)) from refusal


def _which(refusal: InvalidFields, known: dict[str, CustomField]) -> dict[str, str]:
    wrong = [known[key] for key in refusal.problems if key in known]
    return {
        "ErrorCustomFieldIDs": ",".join(str(field.pk) for field in wrong),
        "ErrorCustomFieldTitles": ",".join(field.name for field in wrong),
        "ErrorCustomFieldDescriptions": ",".join(refusal.problems.values()),
    }


def _change_status(call: Call, row: Subscription) -> None:
    word = call.parameters.word("SubscriptionStatus").lower()
    wanted = people.WRITTEN.get(word)
    if wanted is None or people.STATUSES[Status(row.status)].lower() == word:
        return
    address, email = people.address_of(call, "UnsubscriptionIP"), row.subscriber.email or ""
    if wanted == Status.UNSUBSCRIBED:
        subscriptions.unsubscribe(
            row.subscriber, mailing_lists=[row.mailing_list], source=SOURCE, ip_address=address, by=call.who.user
        )
        return
    try:
        subscriptions.subscribe(
            row.mailing_list, email=email, source=SOURCE, ip_address=address, by=call.who.user, status=wanted
        )
    except StaysOut as refusal:
        raise Refused(8) from refusal


# --- reading -------------------------------------------------------------------------------------------------------


@command("subscriber.get", permission="Subscribers.Get", shape=Shape.LIST, limit=LIMIT)
def get(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not (given.word("EmailAddress") or given.word("SubscriberID")):
        raise Refused(1)
    found = mailing_list(call, "ListID", missing=2, unknown=4)
    row = _selected(call, found)
    if row is None:
        raise Refused(3)
    body = _shown(row, custom_fields.of_list(found))
    body["SubscriberJourneys"] = {"InProgress": [], "Completed": []}
    return body | {"SubscriberActivity": [], "TotalRevenue": "0.00"}


def _selected(call: Call, found: MailingList) -> Subscription | None:
    if number := call.parameters.whole("SubscriberID"):
        return people.rows(found).filter(pk=number).first()
    return _by_address(found, call.parameters.word("EmailAddress"))


@command("subscriber.exists", permission="Subscribers.Get", limit=LIMIT)
def exists(call: Call) -> dict[str, Any]:
    found = mailing_list(call, "ListID", missing=1, unknown=3)
    if not call.parameters.word("EmailAddress"):
        raise Refused(2)
    row = _by_address(found, call.parameters.word("EmailAddress"))
    return {"Exists": row is not None, "SubscriberID": row.pk if row else 0}


@command("subscribers.get", permission="Subscribers.Get")
def get_many(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not given.word("SubscriberListID"):
        raise Refused(1)
    if not given.word("SubscriberSegment"):
        raise Refused(2)
    found = mailing_list(call, "SubscriberListID", unknown=3)
    known = custom_fields.of_list(found)
    rows = _searched(call, _of_segment(call, found), known)
    return {"ErrorText": "", **_page(call, rows, known)}


def _of_segment(call: Call, found: MailingList) -> QuerySet[Subscription]:
    word = call.parameters.word("SubscriberSegment").lower()
    if word == "suppressed":
        return people.rows(found).filter(people.suppressed(found))
    if word in SEGMENTS:
        return people.rows(found).filter(SEGMENTS[word])
    segment = call.who.own(Segment.objects.filter(pk=call.parameters.whole("SubscriberSegment"))).first()
    if segment is None:
        return people.rows(found).none()
    try:
        return people.rows(found).filter(reach_within(segment, found.pk).rows)
    except InvalidRules:
        return people.rows(found).none()


def _searched(call: Call, rows: QuerySet[Subscription], known: dict[str, CustomField]) -> QuerySet[Subscription]:
    given = call.parameters
    name, keyword = given.word("SearchField").lower(), given.word("SearchKeyword")
    by_number = {field.pk: key for key, field in known.items()}
    number = people.field_number(name)
    if name and name not in ORDERS and number not in by_number:
        raise Refused(4)
    if not name or not keyword:
        return rows
    if number in by_number:
        key = by_number[number]
        return rows.filter(
            Q(**{f"subscriber__fields__{key}__icontains": keyword}) | Q(**{f"fields__{key}__icontains": keyword})
        )
    return rows.filter(**{f"{ORDERS[name]}__icontains": keyword})


def _page(call: Call, rows: QuerySet[Subscription], known: dict[str, CustomField]) -> dict[str, Any]:
    given = call.parameters
    in_order = ordered(rows, given, ORDERS, "subscriber__email")
    first, size = given.whole("RecordsFrom"), given.whole("RecordsPerRequest", PAGE) or PAGE
    page = [people.row(each, known) for each in in_order[first : first + size]]
    return {"TotalSubscribers": rows.count(), "Subscribers": page}


@command("subscribers.search", permission="Subscribers.Get", shape=Shape.LIST_TEXTS, old=Shape.TEXT)
def search(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not given.word("ListID"):
        raise Refused(1, text="Missing ListID")
    if given.word("Operator").lower() not in ("and", "or"):
        raise Refused(2, text="Operator is and or or")
    found = mailing_list(call, "ListID", unknown=3)
    try:
        rows = people.by_rules(call, found)
    except InvalidRules as refusal:
        raise Refused(6 if given.given("RulesJSON") else 4, text=str(refusal)) from refusal
    if given.flag("OnlyTotal"):
        return {"ErrorText": "", "TotalSubscribers": rows.count(), "Subscribers": []}
    return {"ErrorText": "", **_page(call, rows, custom_fields.of_list(found))}


@command("subscribers.delete", permission="Subscribers.Delete", shape=Shape.TEXT, old=Shape.LIST_TEXTS, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """Off the list, not out of the organization: the person stays, with what they were sent."""
    given = call.parameters
    if not given.word("SubscriberListID"):
        raise Refused(2, text="List ID is missing")
    found = mailing_list(call, "SubscriberListID", unknown=5)
    if given.given("RulesJSON"):
        try:
            rows = people.by_rules(call, found)
        except InvalidRules as refusal:
            raise Refused(7, text=str(refusal)) from refusal
    else:
        rows = people.rows(found).filter(pk__in=_numbers(call))
    Subscription.objects.filter(pk__in=rows.values("pk")).delete()
    return {"ErrorText": ""}


def _numbers(call: Call) -> list[int]:
    words = call.parameters.words("Subscribers")
    if not words:
        raise Refused(3, text="Subscribers are missing")
    if any(as_id(word) is None for word in words):
        raise Refused(8, text="Subscribers are named by their numbers")
    return call.parameters.ids("Subscribers")


# --- tags of subscribers ---------------------------------------------------------------------------------------------


@command("subscriber.tag", permission="Subscriber.Update", writes=True)
def tag(call: Call) -> dict[str, Any]:
    names, rows = _tagging(call)
    for row in rows:
        subscriber_tags.add(row, names)
    return {}


@command("subscriber.untag", permission="Subscriber.Update", writes=True)
def untag(call: Call) -> dict[str, Any]:
    names, rows = _tagging(call)
    for row in rows:
        subscriber_tags.remove(row, names)
    return {}


def _tagging(call: Call) -> tuple[list[str], QuerySet[Subscription]]:
    given = call.parameters
    if not given.words("TagID"):
        raise Refused(1)
    found = mailing_list(call, "SubscriberListID", missing=2, unknown=4)
    names = list(found.subscriber_tags.filter(pk__in=given.ids("TagID")).values_list("name", flat=True))
    if not names:
        raise Refused(6)
    if given.words("SubscriberID"):
        return names, people.rows(found).filter(pk__in=given.ids("SubscriberID"))
    if not given.given("RulesJSON"):
        raise Refused(6)
    if not given.word("RulesOperator"):
        raise Refused(7)
    try:
        return names, people.by_rules(call, found)
    except InvalidRules as refusal:
        raise Refused(7, extra={"ErrorText": str(refusal)}) from refusal


@command("subscriber.tags.create", permission="List.Update", writes=True)
def create_tag(call: Call) -> dict[str, Any]:
    found, name = _list_and_name(call)
    if found.subscriber_tags.filter(name=name).exists():
        raise Refused(5)
    return {"TagID": found.subscriber_tags.create(name=name).pk}


@command("subscriber.tags.update", permission="List.Update", writes=True)
def rename_tag(call: Call) -> dict[str, Any]:
    found, name = _list_and_name(call)
    tags = found.subscriber_tags
    if not tags.filter(pk=call.parameters.whole("TagID")).exists():
        raise Refused(4)
    if tags.filter(name=name).exclude(pk=call.parameters.whole("TagID")).exists():
        raise Refused(5)
    tags.filter(pk=call.parameters.whole("TagID")).update(name=name)
    return {}


@command("subscriber.tags.get", permission="List.Update")
def get_tags(call: Call) -> dict[str, Any]:
    found = _tags_list(call)
    tags = found.subscriber_tags.annotate(people=Count("tagged")).order_by("name")
    rows = [{"TagID": each.pk, "TagName": each.name, "SubscriberCount": each.people} for each in tags]
    return {"Tags": rows, "TagCount": len(rows)}


@command("subscriber.tags.delete", permission="List.Update", writes=True)
def delete_tags(call: Call) -> dict[str, Any]:
    found = _tags_list(call)
    if not call.parameters.words("TagID"):
        raise Refused(2)
    found.subscriber_tags.filter(pk__in=call.parameters.ids("TagID")).delete()
    return {}


def _tags_list(call: Call) -> MailingList:
    """Two documents call it by two names."""
    name = "ListID" if call.parameters.word("ListID") else "SubscriberListID"
    return mailing_list(call, name, missing=1, unknown=4)


def _list_and_name(call: Call) -> tuple[MailingList, str]:
    found = _tags_list(call)
    name = call.parameters.word("TagName") or call.parameters.word("Tag")
    if not name:
        raise Refused(2)
    try:
        return found, subscriber_tags.cleaned([name])[0]
    except InvalidTag as refusal:
        raise Refused(3) from refusal

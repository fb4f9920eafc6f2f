"""What strangers may send: a form that subscribes somebody, and one that lets them leave. No credential is needed.

One address at a time, so many a minute from one IP address; for many people by rules, a credential is.
"""

from typing import Any

from api.octeth import people
from api.octeth.callers import Caller
from api.octeth.errors import NOT_AUTHENTICATED, Refused
from api.octeth.parameters import as_id
from api.octeth.registry import Access, Call, Limit, command
from audience import confirmations, subscriptions
from audience import fields as custom_fields
from audience.addresses import normalise_email
from audience.errors import (
    InvalidAddress,
    InvalidFields,
    InvalidRules,
    LinkExpired,
    LinkInvalid,
    LinkOutdated,
    StaysOut,
)
from audience.joining import Way
from audience.models import MailingList, Subscription
from campaigns.models import Campaign

Status = Subscription.Status
SOURCE = "octeth form"
LIMIT = Limit(30, 60, "public")
LONGEST_LIST = 50


@command("subscriber.subscribe", access=Access.PUBLIC, writes=True, limit=LIMIT)
def subscribe(call: Call) -> dict[str, Any]:
    """A stranger's form changes nothing about people who are known, and brings nobody back without their own act."""
    given = call.parameters
    if not given.words("ListID"):
        raise Refused(1)
    if not given.word("EmailAddress"):
        raise Refused(2)
    address = people.address_of(call)
    if not address:
        raise Refused(3)
    lists = _lists(call)
    rows = [_subscribed(call, each, address) for each in lists]
    row = people.rows(rows[0].mailing_list).get(pk=rows[0].pk)
    known = custom_fields.of_list(row.mailing_list)
    return {"SubscriberID": row.pk, "RedirectURL": "", "Subscriber": people.row(row, known)}


def _lists(call: Call) -> list[MailingList]:
    """With a credential the caller's; without one anybody's who is active."""
    wanted = call.parameters.ids("ListID")[:LONGEST_LIST]
    rows = MailingList.objects.filter(pk__in=wanted, organization__is_active=True).select_related("organization")
    found = {each.pk: each for each in (call.caller.own(rows) if call.caller else rows)}
    if not wanted or any(pk not in found for pk in wanted):
        raise Refused(4)
    return [found[pk] for pk in wanted]


def _subscribed(call: Call, found: MailingList, address: str) -> Subscription:
    known = custom_fields.of_list(found)
    _require_new(call, found)
    try:
        return subscriptions.subscribe(
            found,
            email=call.parameters.word("EmailAddress"),
            fields=people.written_fields(call, known, "CustomFields", "Fields"),
            source=call.parameters.word("Source", SOURCE)[:64],
            ip_address=address,
            by=call.caller.user if call.caller else None,
            way=None if call.caller else Way.FORM,
        )
    except InvalidAddress as refusal:
        raise Refused(5) from refusal
    except InvalidFields as refusal:
        key, problem = next(iter(refusal.problems.items()))
        field = known[key]
        about = {"ErrorCustomFieldID": field.pk, "ErrorCustomFieldTitle": field.name}
        raise Refused(8, extra={**about, "ErrorCustomFieldDescription": problem}) from refusal
    except StaysOut as refusal:
        raise Refused(10) from refusal


def _require_new(call: Call, found: MailingList) -> None:
    try:
        email = normalise_email(call.parameters.word("EmailAddress"))
    except InvalidAddress as refusal:
        raise Refused(5) from refusal
    if people.rows(found).filter(subscriber__email=email, status=Status.SUBSCRIBED).exists():
        raise Refused(9)


# --- leaving -------------------------------------------------------------------------------------------------------


@command("subscriber.unsubscribe", access=Access.PUBLIC, writes=True, limit=LIMIT)
def unsubscribe(call: Call) -> dict[str, Any]:
    given = call.parameters
    if not given.word("ListID"):
        raise Refused(1)
    if not people.address_of(call):
        raise Refused(2)
    by_rules = given.given("RulesJSON")
    if not (given.word("EmailAddress") or given.word("SubscriberID") or by_rules):
        raise Refused(3)
    found = _lists(call)[0]
    _require_campaign(call, found)
    rows = _by_rules(call, found) if by_rules else [_one(call, found)]
    if not given.flag("Preview"):
        _leave(call, found, rows)
    return {"RedirectURL": ""}


def _require_campaign(call: Call, found: MailingList) -> None:
    number = call.parameters.word("CampaignID")
    if number and not Campaign.objects.of(found.organization).filter(pk=as_id(number) or 0).exists():
        raise Refused(8)


def _one(call: Call, found: MailingList) -> Subscription:
    """Without a credential somebody is named by their address, which one has to know; a number anybody can guess."""
    given = call.parameters
    rows = people.rows(found)
    if given.word("EmailAddress"):
        try:
            row = rows.filter(subscriber__email=normalise_email(given.word("EmailAddress"))).first()
        except InvalidAddress as refusal:
            raise Refused(6) from refusal
    else:
        _require_caller(call)
        row = rows.filter(pk=given.whole("SubscriberID")).first()
    if row is None:
        raise Refused(7)
    if row.status in (Status.UNSUBSCRIBED, Status.COMPLAINED):
        raise Refused(9)
    return row


def _by_rules(call: Call, found: MailingList) -> list[Subscription]:
    _require_caller(call)
    try:
        return list(people.by_rules(call, found).exclude(status__in=[Status.UNSUBSCRIBED, Status.COMPLAINED]))
    except InvalidRules as refusal:
        raise Refused(7, extra={"ErrorText": str(refusal)}) from refusal


def _require_caller(call: Call) -> Caller:
    if call.caller is None:
        raise Refused(NOT_AUTHENTICATED, text="Authentication failure or session expired")
    return call.caller


def _leave(call: Call, found: MailingList, rows: list[Subscription]) -> None:
    address, by = people.address_of(call), call.caller.user if call.caller else None
    for row in rows:
        subscriptions.unsubscribe(row.subscriber, mailing_lists=[found], source=SOURCE, ip_address=address, by=by)


# --- confirming ----------------------------------------------------------------------------------------------------


@command("subscriber.optin", access=Access.PUBLIC, writes=True, limit=LIMIT)
def opt_in(call: Call) -> dict[str, Any]:
    """`ConfirmationCode` is the last part of the link in the confirmation mail."""
    given = call.parameters
    for code, name in enumerate(("ListID", "SubscriberID", "ConfirmationCode"), start=1):
        if not given.word(name):
            raise Refused(code)
    try:
        asked = confirmations.find(given.word("ConfirmationCode"))
    except (LinkInvalid, LinkExpired) as refusal:
        raise Refused(4) from refusal
    if (asked.pk, asked.mailing_list_id) != (given.whole("SubscriberID"), given.whole("ListID")):
        raise Refused(5)
    try:
        confirmations.confirm(given.word("ConfirmationCode"), ip_address=people.address_of(call))
    except (LinkInvalid, LinkExpired, LinkOutdated) as refusal:
        raise Refused(4) from refusal
    return {"RedirectURL": ""}

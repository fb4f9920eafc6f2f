"""The pages on which people subscribe: a form for each public list, and the page behind a confirmation mail's link.

Neither tells whether an address is known: the form answers everybody alike, and what has to be said goes by mail to who
holds the address. Looking changes nothing; a scanner that opens the link of a confirmation mail confirms nothing.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseAway
from django.http import HttpRequest, HttpResponse

from audience import confirmations, subscriptions
from audience.errors import (
    AudienceError,
    InvalidAddress,
    InvalidFields,
    LinkExpired,
    LinkInvalid,
    LinkOutdated,
    StaysOut,
)
from audience.joining import Way
from audience.models import CustomField, MailingList, Subscription
from tracking.clients import client_address
from tracking.private_pages import away, masked, page, private_page, refused, too_many

logger = logging.getLogger(__name__)

TRAP = "website"  # a box people do not see; programs fill in every box
Status = Subscription.Status


# --- the form of a public list -----------------------------------------------------------------------------------


@private_page
def subscribe(request: HttpRequest, list_id: str) -> HttpResponse:
    """`/s/<list id>`: GET the form; POST `email` and the list's fields."""
    try:
        mailing_list = _public_list(list_id)
        if mailing_list is None:
            return page(request, "no_list", status=404)
        return _post(request, mailing_list) if request.method == "POST" else _form(request, mailing_list)
    except DatabaseAway:
        logger.exception("The form of a list is away with the database.")
        return away(request)


def _public_list(list_id: str) -> MailingList | None:
    lists = MailingList.objects.filter(is_public=True, organization__is_active=True)
    return lists.select_related("organization", "edition").filter(public_id=list_id).first()


def _form(
    request: HttpRequest, mailing_list: MailingList, *, problems: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    about: dict[str, Any] = {
        "mailing_list": mailing_list,
        "organization": mailing_list.organization,
        "wording": wording_of_form(mailing_list),
        "email": request.POST.get("email", "")[:254],
        "problem": (problems or {}).get("email"),
        "boxes": [_box(field, request, problems or {}) for field in _fields(mailing_list)],
    }
    return page(request, "subscribe", status=status, **about)


def wording_of_form(mailing_list: MailingList) -> str:
    """What somebody agrees to; shown above the form and kept with their consent."""
    said = f"I would like to get “{mailing_list.name}” from {mailing_list.organization.name} by email."
    return f"{said} {mailing_list.description.strip()}".strip()


def _fields(mailing_list: MailingList) -> list[CustomField]:
    """The list's own; what the organization knows of its people is not a stranger's to write."""
    return list(mailing_list.custom_fields.order_by("name", "pk"))


def _box(field: CustomField, request: HttpRequest, problems: dict[str, str]) -> dict[str, Any]:
    name = f"field_{field.key}"
    return {
        "name": name,
        "label": field.name,
        "kind": field.kind,
        "choices": field.choices,
        "values": request.POST.getlist(name),
        "problem": problems.get(field.key),
    }


def _post(request: HttpRequest, mailing_list: MailingList) -> HttpResponse:
    if refused := too_many(
        request, "s", mailing_list.public_id + client_address(request.META), from_one_address=_most()
    ):
        return refused
    if not request.POST.get(TRAP):
        try:
            _subscribe(request, mailing_list)
        except InvalidFields as wrong:
            return _form(request, mailing_list, problems=wrong.problems, status=400)
        except InvalidAddress as wrong:
            return _form(request, mailing_list, problems={"email": str(wrong)}, status=400)
    return page(request, "subscribe_sent", organization=mailing_list.organization, mailing_list=mailing_list)


def _most() -> int:
    return int(settings.SIGNUPS_PER_ADDRESS)


def _subscribe(request: HttpRequest, mailing_list: MailingList) -> None:
    """Raises InvalidAddress and InvalidFields; whoever does not come back this way is not told."""
    try:
        subscriptions.subscribe(
            mailing_list,
            email=request.POST.get("email", "").strip() or "-",
            fields=_written(request, _fields(mailing_list)),
            source="page",
            ip_address=client_address(request.META) or None,
            wording=wording_of_form(mailing_list),
            way=Way.FORM,
        )
    except StaysOut as refusal:
        logger.info("Somebody was not subscribed by the form of %s: %s", mailing_list.public_id, refusal.status)


def _written(request: HttpRequest, fields: list[CustomField]) -> dict[str, Any]:
    """What was filled in; several values only where the field takes them."""
    written: dict[str, Any] = {}
    for field in fields:
        values = [value for value in request.POST.getlist(f"field_{field.key}") if value.strip()]
        if values:
            written[field.key] = values if field.kind == CustomField.Kind.MULTI_CHOICE else values[0]
    return written


# --- the link of a confirmation mail -----------------------------------------------------------------------------


@private_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """`/confirm/<token>`: GET the page; POST `confirm`, or `again` for a new link where this one is too old."""
    try:
        return _confirm(request, token)
    except LinkInvalid:
        return refused(request)
    except LinkExpired as old:
        return _expired(request, old.subscription, token)
    except LinkOutdated:
        return page(request, "outdated", status=410)
    except DatabaseAway:
        logger.exception("The confirmation page is away with the database.")
        return away(request)


def _confirm(request: HttpRequest, token: str) -> HttpResponse:
    row = confirmations.find(token)
    if request.method != "POST" or "confirm" not in request.POST:
        return _look(request, row, status=400 if request.method == "POST" else 200)
    if refused := too_many(request, "confirm", token):
        return refused
    address = client_address(request.META) or None
    confirmations.confirm(token, ip_address=address, wording=wording_of_confirmation(row))
    return page(request, "confirmed", **_about(row))


def _look(request: HttpRequest, row: Subscription, *, status: int) -> HttpResponse:
    if row.status == Status.SUBSCRIBED:
        return page(request, "confirmed", **_about(row))
    if not confirmations.is_open(row):
        raise LinkOutdated
    return page(request, "confirm_subscription", status=status, **_about(row))


def _expired(request: HttpRequest, row: Subscription, token: str) -> HttpResponse:
    if row.status == Status.SUBSCRIBED:
        return page(request, "confirmed", **_about(row))
    if request.method != "POST" or "again" not in request.POST:
        return page(request, "expired", status=410, **_about(row))
    if refused := too_many(request, "confirm", token):
        return refused
    try:
        address, email = client_address(request.META) or None, row.subscriber.email or ""
        wanted: dict[str, Any] = {
            "status": Status.UNCONFIRMED,
            "way": Way.FORM,
            "source": "page",
            "ip_address": address,
        }
        subscriptions.subscribe(row.mailing_list, email=email, wording=wording_of_confirmation(row), **wanted)
    except AudienceError as refusal:
        logger.info("No new confirmation mail: %s", refusal)
    return page(request, "subscribe_sent", **_about(row))


def wording_of_confirmation(row: Subscription) -> str:
    """What somebody confirms; shown above the button and kept with their consent."""
    organization = row.mailing_list.organization
    return f"Yes, I would like to get “{row.mailing_list.name}” from {organization.name}."


def _about(row: Subscription) -> dict[str, Any]:
    return {
        "mailing_list": row.mailing_list,
        "organization": row.mailing_list.organization,
        "address": masked(str(row.subscriber)),
        "wording": wording_of_confirmation(row),
    }

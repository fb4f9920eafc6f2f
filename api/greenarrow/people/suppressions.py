"""`suppression_lists`: there is one for the organization, and one for each of its lists; here they have names."""

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.permissions import Permission
from api.greenarrow import pages
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, NotFound, ValidationFailed
from api.greenarrow.models import SuppressionListName
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from audience import lifting, suppressions
from audience.criteria.greenarrow.place import number
from audience.models import MailingList, Suppression

OF_ORGANIZATION = "Organization Suppression List"
SOURCE = "greenarrow api"
MOST = 10_000
ADDRESSES = "suppression_lists/{suppression_list}/suppressed_addresses"
MD5 = re.compile(r"[0-9a-fA-F]{32}")


@route("GET", "suppression_lists")
def index(call: Call) -> Answer:
    """All suppression lists; the organization's is always there."""
    call.require(Permission.READ)
    _of_organization(call)
    return pages.all_or_paged(_rows(call), call.params, shape)


@route("POST", "suppression_lists")
def create(call: Call) -> dict[str, Any]:
    """Give the suppressions for a list a name; there is one suppression list for each."""
    call.require(Permission.CREATE)
    return _saved(call, SuppressionListName(organization=call.organization), is_new=True)


@route("PUT", "suppression_lists/{suppression_list}")
def update(call: Call) -> dict[str, Any]:
    """Rename it."""
    call.require(Permission.UPDATE)
    return _saved(call, _named(call), is_new=False)


@route("GET", ADDRESSES)
def addresses(call: Call) -> Answer:
    """What is suppressed."""
    call.require(Permission.READ)
    named = _named(call)
    found = Suppression.objects.filter(**suppressions.scope(call.organization, named.mailing_list))
    kept = found.exclude(kind=Suppression.Kind.PHONE).order_by("pk")
    return pages.paged(kept, call.params, lambda row: _address(row, named))


@route("POST", f"{ADDRESSES}/create_multiple")
def create_multiple(call: Call) -> None:
    """Addresses and `@domains`; what is there already stays as it is."""
    named = _named(call)
    suppressions.require_may(call.by, call.organization)
    document = call.document
    values = document.get("data") if isinstance(document, dict) else document
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise InvalidRequest("data must be an array of addresses")
    if len(values) > MOST:
        raise InvalidRequest(f"at most {MOST} addresses may be sent at once")
    hashes = [each for each in values if MD5.fullmatch(each)]
    if hashes:
        raise ValidationFailed(f"hashes of addresses cannot be suppressed: {hashes[0]}")
    domains = [each for each in values if each.strip().startswith("@")]
    emails = [each for each in values if not each.strip().startswith("@")]
    for kind, some in ((Suppression.Kind.DOMAIN, domains), (Suppression.Kind.EMAIL, emails)):
        _suppress(call, named, kind, some)


@route("DELETE", f"{ADDRESSES}/{{address}}")
def delete_address(call: Call) -> None:
    """By its id, or the address itself."""
    named, written = _named(call), call.path["address"]
    suppressions.require_may(call.by, call.organization, Permission.DELETE)
    found = Suppression.objects.filter(**suppressions.scope(call.organization, named.mailing_list))
    pk = number(written)
    one = found.filter(pk=pk) if pk is not None else found.filter(value=written.lower().removeprefix("@"))
    if not one.exists():
        raise NotFound("suppressed address not found")
    lifting.lift(one, by=call.by, why="greenarrow api")


def _suppress(call: Call, named: SuppressionListName, kind: str, values: list[str]) -> None:
    outcome = suppressions.suppress_many(
        values,
        organization=call.organization,
        mailing_list=named.mailing_list,
        kind=kind,
        reason=Suppression.Reason.MANUAL,
        source=SOURCE,
        by=call.by.user,
    )
    if outcome.refused:
        raise ValidationFailed(", ".join(outcome.refused.values())[:2000])


def _rows(call: Call) -> QuerySet[SuppressionListName]:
    return SuppressionListName.objects.of(call.organization).select_related("mailing_list").order_by("pk")


def _of_organization(call: Call) -> SuppressionListName:
    found, _ = SuppressionListName.objects.get_or_create(
        organization=call.organization, mailing_list=None, defaults={"name": OF_ORGANIZATION}
    )
    return found


def _named(call: Call) -> SuppressionListName:
    found: SuppressionListName = call.one(
        SuppressionListName.objects.select_related("mailing_list"), "suppression_list"
    )
    return found


def _saved(call: Call, named: SuppressionListName, *, is_new: bool) -> dict[str, Any]:
    given = call.given("suppression_list")
    name = given.text("name", longest=255, one_line=True)
    if (is_new or "name" in given) and not (name or "").strip():
        given.problem("name", "cannot be blank")
    mailing_list = _list(call, given) if is_new else named.mailing_list
    given.require_valid()
    named.name, named.mailing_list = name or named.name, mailing_list
    try:
        with transaction.atomic():
            named.save()
    except IntegrityError:
        raise ValidationFailed(
            "name has already been taken, or there is a suppression list for this mailing_list_id already"
        ) from None
    return shape(named)


def _list(call: Call, given: Given) -> MailingList | None:
    pk = given.integer("mailing_list_id")
    if pk is None:
        return None
    mailing_list = MailingList.objects.filter(organization=call.organization, pk=pk).first()
    if mailing_list is None:
        given.problem("mailing_list_id", "is unknown")
    return mailing_list


def shape(named: SuppressionListName) -> dict[str, Any]:
    return {
        "id": named.pk,
        "organization_id": named.organization_id,
        "name": named.name,
        "global": False,
        "mailing_list_id": named.mailing_list_id,
    }


def _address(row: Suppression, named: SuppressionListName) -> dict[str, Any]:
    is_domain = row.kind == Suppression.Kind.DOMAIN
    return {
        "id": row.pk,
        "suppression_list_id": named.pk,
        "organization_id": row.organization_id,
        "user_id": row.created_by_id,
        "email": f"@{row.value}" if is_domain else row.value,
        "address_type": "d" if is_domain else "a",
    }

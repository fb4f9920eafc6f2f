"""`mailing_lists`: lists, and what new campaigns of them start with."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Lower

from accounts.models import Organization
from accounts.permissions import Permission
from api.greenarrow import list_settings, pages, times
from api.greenarrow.campaigns import dispatch_keys, rows, shapes, winner
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import ValidationFailed
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from audience.models import MailingList
from campaigns import lifecycle, removals
from campaigns.models import UNFINISHED
from content.headers import header_name
from delivery import dispatches
from delivery.models import SeedList

SENDER = ("d_from_email", "d_from_name", "d_reply_to", "d_sender_email")
REMOTE = ("is_remote_list", "database_connection_id", "database_connection_name")
ALLOWED_HEADERS = ("list-help", "cfbl-address", "cfbl-feedback-id", "bimi-selector")
CONFIRMED_FOR = timedelta(minutes=2)


@route("GET", "mailing_lists")
def index(call: Call) -> Answer:
    """All lists, by id."""
    call.require(Permission.READ)
    found = MailingList.objects.filter(organization=call.organization).select_related("organization").order_by("pk")
    said, seeds = list_settings.of_all(call.organization), list(SeedList.objects.of(call.organization).order_by("pk"))
    return pages.all_or_paged(found, call.params, lambda row: _shape(row, said.get(row.pk, {}), seeds))


@route("GET", "mailing_lists/{list}")
def show(call: Call) -> dict[str, Any]:
    """One list."""
    call.require(Permission.READ)
    return shape(rows.the_list(call))


@route("POST", "mailing_lists")
def create(call: Call) -> dict[str, Any]:
    """A new list."""
    call.require(Permission.CREATE)
    return _saved(call, MailingList(organization=call.organization), is_new=True)


@route("PUT", "mailing_lists/{list}")
def update(call: Call) -> dict[str, Any]:
    """Change what is given."""
    call.require(Permission.UPDATE)
    MailingList.objects.select_for_update(no_key=True).filter(
        pk=rows.the_list(call).pk
    ).first()  # two changes at once keep both
    return _saved(call, rows.the_list(call), is_new=False)


@route("GET", "mailing_lists/{list}/delete_confirmation_code")
def delete_confirmation_code(call: Call) -> dict[str, Any]:
    """A code with which the list can be deleted within two minutes."""
    call.require(Permission.DELETE)
    mailing_list, expires_at = rows.the_list(call), call.now + CONFIRMED_FOR
    return {
        "delete_confirmation_code": _code(mailing_list, int(expires_at.timestamp())),
        "delete_confirmation_expires_at": times.shown(expires_at),
    }


@route("DELETE", "mailing_lists/{list}/confirmed/{code}")
def delete(call: Call) -> None:
    """Its campaigns that are not over are cancelled. A list that campaigns name is kept, since their people are known
    by it."""
    call.require(Permission.DELETE)
    mailing_list, code = rows.the_list(call), call.path["code"]
    until = code.rpartition(":")[2]
    is_ours = until.isascii() and until.isdigit() and len(until) < 12
    if not (is_ours and hmac.compare_digest(code, _code(mailing_list, int(until)))):
        raise ValidationFailed("delete confirmation code is invalid")
    if int(until) < call.now.timestamp():
        raise ValidationFailed("delete confirmation code has expired")
    for campaign in rows.of_list(rows.of_organization(call), mailing_list).filter(state__in=UNFINISHED):
        lifecycle.cancel(campaign, by=call.by, reason=f"The list {mailing_list} is to be deleted.")
    removals.delete_list(mailing_list, by=call.by, with_people=True)


def _code(mailing_list: MailingList, until: int) -> str:
    said = f"delete list {mailing_list.pk} {until}".encode()
    return f"{hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha1).hexdigest()}:{until}"


# --- reading -------------------------------------------------------------------------------------------------------


def _saved(call: Call, mailing_list: MailingList, *, is_new: bool) -> dict[str, Any]:
    given = call.given("mailing_list")
    if "name" in given:  # of two who take the same name at once, the second finds that of the first
        Organization.objects.select_for_update(no_key=True).filter(pk=call.organization.pk).first()
    name = given.text("name", longest=255, one_line=True)
    if (is_new or "name" in given) and not (name or "").strip():
        given.problem("name", "cannot be blank")
    elif name and _is_taken(mailing_list, name):
        given.problem("name", "has already been taken")
    if any(given.raw(key) not in (None, "", False) for key in REMOTE):
        given.problem("is_remote_list", "is not available: this server has no remote lists")
    values = _settings(given, call)
    given.require_valid()
    mailing_list.name = name if name is not None else mailing_list.name
    mailing_list.save()
    if values:
        list_settings.keep(mailing_list, {**list_settings.of(mailing_list), **values})
    return shape(mailing_list)


def _is_taken(mailing_list: MailingList, name: str) -> bool:
    others = MailingList.objects.filter(organization=mailing_list.organization).exclude(pk=mailing_list.pk)
    return others.annotate(folded=Lower("name")).filter(folded=name.lower()).exists()


def _settings(given: Given, call: Call) -> dict[str, Any]:
    """The keys that say something, checked as those of a campaign are."""
    as_dispatch = {name.removeprefix("d_"): value for name, value in given.values.items() if name.startswith("d_")}
    for name, of_dispatch in (("virtual_mta", "virtual_mta_name"), ("url_domain", "url_domain_name")):
        if as_dispatch.get(name):
            as_dispatch[of_dispatch] = as_dispatch.pop(name)
    if as_dispatch.get("bounce_email"):
        as_dispatch["bounce_email_name"] = as_dispatch.pop("bounce_email")
    below = given.below(as_dispatch, "d_")
    read = dispatch_keys.read(below, call.organization)
    values: dict[str, Any] = {name: read.columns[name[2:]] for name in SENDER if name[2:] in read.columns}
    if "speed" in read.columns:
        values["d_speed"] = read.columns["speed"]
    if "seed_lists" in read.columns:
        values["d_seed_list_ids"] = [each.pk for each in read.columns["seed_lists"]]
    values |= {f"d_{name}": value for name, value in read.winner.items()}
    if read.winner.get("autowinner_enabled"):
        winner.enough(read.winner, below)
    values |= {name: bool(given.boolean(name)) for name in list_settings.FLAGS if name in given}
    if "custom_headers" in given:
        values["custom_headers"] = _headers(given)
    if "preview_custom_field_data" in given:
        values["preview_custom_field_data"] = given.object("preview_custom_field_data") or {}
    return values


def _headers(given: Given) -> str:
    """One a line; only those that say nothing to mail servers."""
    text = given.text("custom_headers", longest=5000) or ""
    for line in filter(None, text.splitlines()):
        name = line.partition(":")[0].strip()
        try:
            is_allowed = header_name(name).lower().startswith("x-") or name.lower() in ALLOWED_HEADERS
        except ValueError:
            is_allowed = False
        if not is_allowed or ":" not in line:
            given.problem("custom_headers", f"may only have headers that begin with X-, not {name[:50]}")
    return text


def shape(mailing_list: MailingList) -> dict[str, Any]:
    values = list_settings.of(mailing_list)
    chosen = SeedList.objects.of(mailing_list.organization).filter(pk__in=values.get("d_seed_list_ids", []))
    return _shape(mailing_list, values, list(chosen.order_by("pk")))


def _shape(mailing_list: MailingList, values: Mapping[str, Any], seeds: Iterable[SeedList]) -> dict[str, Any]:
    """`values`: the list's settings. `seeds`: at least those that it names, by id."""
    domain, chosen = dispatches.link_domain(mailing_list.organization), set(values.get("d_seed_list_ids", []))
    said = {f"d_{name}": values.get(f"d_{name}") for name in winner.KEYS}
    return {
        "id": mailing_list.pk,
        "name": mailing_list.name,
        "organization_id": mailing_list.organization_id,
        "created_at": times.shown(mailing_list.created_at),
        "updated_at": times.shown(mailing_list.modified_at),
        **{name: values.get(name) for name in SENDER},
        "d_virtual_mta": shapes.ROUTE["virtual_mta_name"],
        "d_virtual_mta_id": shapes.ROUTE["virtual_mta_id"],
        "d_url_domain": domain,
        "d_url_domain_id": shapes.URL_DOMAIN_ID,
        "d_bounce_email": dispatches.bounce_address(),
        "d_bounce_email_id": "@".join(map(str, shapes.BOUNCE_ID)),
        "d_speed": values.get("d_speed", 0),
        "d_seed_lists": [{"id": each.pk, "name": each.name} for each in seeds if each.pk in chosen],
        "d_autowinner_enabled": bool(values.get("d_autowinner_enabled")),
        **said,
        "d_autowinner_delay_unit": values.get("d_autowinner_delay_unit") or "minutes",
        **{name: bool(values.get(name)) for name in list_settings.FLAGS},
        "custom_headers": values.get("custom_headers"),
        "preview_custom_field_data": values.get("preview_custom_field_data", {}),
        "primary_key_custom_field_id": None,
        "is_remote_list": False,
        "database_connection_id": None,
        "database_connection_name": None,
    }

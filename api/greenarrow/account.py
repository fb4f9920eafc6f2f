"""The organization of the key, its members and keys, what is under way, and previews."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts import keys, zone_labels
from accounts.models import ApiKey, Membership, Organization, Role
from accounts.permissions import Permission, grants
from api.greenarrow import pages, times
from api.greenarrow.campaigns import rows
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, NotFound, ValidationFailed
from api.greenarrow.people.imports import OVER as IMPORTS_OVER
from api.greenarrow.people.imports import STATES as IMPORT_STATES
from api.greenarrow.routing import Call, route
from api.greenarrow.vocabulary import state
from audience.criteria.greenarrow.place import number
from audience.errors import InvalidAddress
from audience.models import Import
from campaigns.models import EDITABLE, RUNNING, Campaign, State
from delivery import previews

KEYS = ("api_keys", "organizations/{organization}/api_keys", "organization/{organization}/api_keys")


def the_organization(call: Call) -> Organization:
    """That of the key, and no other. Raises NotFound."""
    if "organization" in call.path and number(call.path["organization"]) != call.organization.pk:
        raise NotFound("organization not found")
    return call.organization


# --- organizations -------------------------------------------------------------------------------------------------


@route("GET", "organizations")
def organizations(call: Call) -> Answer:
    """The key's own."""
    call.require(Permission.READ)
    return pages.all_or_paged([call.organization], call.params, lambda row: _organization(row, call.now))


@route("GET", "organizations/{organization}")
def organization(call: Call) -> dict[str, Any]:
    """The key's own."""
    call.require(Permission.READ)
    return _organization(the_organization(call), call.now)


@route("PUT", "organizations/{organization}")
def update_organization(call: Call) -> dict[str, Any]:
    """Its name and time zone."""
    found = the_organization(call)
    call.require(Permission.MANAGE_MEMBERS)
    given = call.given("organization")
    if "name" in given:
        name = (given.text("name", longest=255, one_line=True) or "").strip()
        if not name:
            given.problem("name", "cannot be blank")
        found.name = name
    if given.raw("time_zone_name"):
        zone = zone_labels.named(given.text("time_zone_name") or "")
        if zone is None:
            given.problem("time_zone_name", "is not a time zone")
        found.timezone = zone or found.timezone
    given.require_valid()
    found.save(update_fields=["name", "timezone", "modified_at"])
    return _organization(found, call.now)


def _organization(found: Organization, moment: datetime) -> dict[str, Any]:
    return {
        "id": found.pk,
        "name": found.name,
        "active": found.is_active,
        "time_zone_name": zone_labels.label(found.timezone),
        "time_zone_utc_offset": times.offset(found.timezone, now=moment),
        "anniversary_day": None,
        "html_header": None,
        "html_footer": None,
        "text_header": None,
        "text_footer": None,
        "created_at": times.shown(found.created_at),
        "updated_at": times.shown(found.modified_at),
    }


# --- users ---------------------------------------------------------------------------------------------------------

_CAMPAIGN = ("create", "update", "delete", "send", "update_state")


@route("GET", "users")
def users(call: Call) -> Answer:
    """The members of the organization, with what they may do."""
    call.require(Permission.MANAGE_MEMBERS)
    found = Membership.objects.of(call.organization).select_related("user", "organization").order_by("user_id")
    return pages.all_or_paged(found, call.params, _user)


def _user(member: Membership) -> dict[str, Any]:
    may = {name: grants(member, Permission(name)) for name in _CAMPAIGN}
    reads = grants(member, Permission.READ)
    writes = {"create": may["create"], "update": may["update"], "delete": may["delete"]}
    return {
        "id": member.user_id,
        "full_name": member.user.get_full_name() or member.user.username,
        "email": member.user.email,
        "time_zone": zone_labels.label(member.organization.timezone),
        "active": member.user.is_active,
        "role": "organization_admin" if member.role == Role.ADMIN else "user",
        "show_quick_tips": False,
        "permissions": {
            "mailing_list": writes,
            "subscriber": {**writes, "read": reads, "import": may["update"], "export": reads},
            "segmentation_criteria": writes,
            "custom_field": writes,
            "campaign": {**may, "read_stats": reads},
            "campaign/template": writes,
            "seed_list": writes,
        },
    }


# --- keys ----------------------------------------------------------------------------------------------------------


@route("GET", *KEYS)
def api_keys(call: Call) -> Answer:
    """Without the keys themselves, which nobody can read any more."""
    the_organization(call)
    call.require(Permission.MANAGE_MEMBERS)
    found = ApiKey.objects.of(call.organization).select_related("membership")
    if name := call.params.get("name"):
        found = found.filter(name__iexact=name)
    if part := call.params.get("name_contains"):
        found = found.filter(name__icontains=part)
    order = call.params.get("order_by") or "id"
    if order not in ("id", "name"):
        raise InvalidRequest("order_by must be id or name")
    return pages.paged(found.order_by("name" if order == "name" else "pk", "pk"), call.params, _key)


@route("POST", *KEYS)
def create_api_key(call: Call) -> dict[str, Any]:
    """A new key, of the same member; `api_key` is what stands behind `Basic `, and is shown this once."""
    the_organization(call)
    call.require(Permission.MANAGE_MEMBERS)
    given = call.given("api_key")
    name = (given.text("name", longest=100, one_line=True) or "").strip()
    if not name:
        given.problem("name", "cannot be blank")
    if given.raw("role") not in (None, "", "organization_admin"):
        given.problem("role", "must be organization_admin")
    given.require_valid()
    key, plain = keys.issue(call.key.membership, name=name, by=call.by, hexadecimal=True)
    return {**_key(key), "api_key": keys.basic(call.organization.pk, plain)}


@route("PUT", *(f"{each}/{{api_key}}" for each in KEYS))
def update_api_key(call: Call) -> dict[str, Any]:
    """Rename it, or switch it off for good."""
    the_organization(call)
    call.require(Permission.MANAGE_MEMBERS)
    key: ApiKey = call.one(ApiKey.objects.select_related("membership__organization"), "api_key")
    given = call.given("api_key")
    if "name" in given:
        key.name = (given.text("name", longest=100, one_line=True) or "").strip()
        if not key.name:
            given.problem("name", "cannot be blank")
    active = given.boolean("active") if "active" in given else None
    if active and key.revoked_at:
        given.problem("active", "cannot be true again; make a new key")
    given.require_valid()
    key.save(update_fields=["name"])
    if active is False:
        keys.revoke(key, by=call.by)
    return _key(key)


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.pk,
        "name": key.name,
        "organization_id": key.membership.organization_id,
        "role": "organization_admin",
        "active": key.revoked_at is None,
        "api_key": None,
        "created_at": times.shown(key.created_at),
    }


# --- what is under way ---------------------------------------------------------------------------------------------


@route("GET", "jobs/all")
def all_jobs(call: Call) -> Answer:
    """Campaigns and imports, those that are over too."""
    call.require(Permission.READ)
    return _jobs(call, rows.of_organization(call).exclude(state__in=EDITABLE[:2]), _imports(call))


@route("GET", "jobs/unfinished")
def unfinished_jobs(call: Call) -> Answer:
    """Campaigns that are scheduled or on their way, and imports that are not over."""
    call.require(Permission.READ)
    under_way = rows.of_organization(call).filter(state__in=(State.SCHEDULED, *RUNNING))
    return _jobs(call, under_way, _imports(call).exclude(status__in=IMPORTS_OVER))


def _jobs(call: Call, campaigns: QuerySet[Campaign], imports: QuerySet[Import]) -> Answer:
    found = [_campaign_job(each) for each in campaigns.prefetch_related("runs").order_by("pk")]
    return pages.all_or_paged(found + [_import_job(each) for each in imports.order_by("pk")], call.params, dict)


def _imports(call: Call) -> QuerySet[Import]:
    return Import.objects.of(call.organization)


def _campaign_job(campaign: Campaign) -> dict[str, Any]:
    run = max(campaign.runs.all(), key=lambda each: each.number, default=None)
    return {
        "id": campaign.pk,
        "mailing_list_id": campaign.dispatch.mailing_list_id if hasattr(campaign, "dispatch") else None,
        "organization_id": campaign.organization_id,
        "suppression_list_id": None,
        "state": state(campaign),
        "state2": "onhold_autowinner" if campaign.state == State.HOLDING else None,
        "paused": campaign.paused,
        "name": campaign.name,
        "progress_value": run.planned - run.pending if run else 0,
        "progress_total": run.planned if run else None,
        "job_type": "Campaign",
        "begins_at": times.shown(campaign.scheduled_at),
        "started_at": times.shown(campaign.started_at),
        "finished_at": times.shown(campaign.finished_at),
        "created_at": times.shown(campaign.created_at),
        "updated_at": times.shown(campaign.modified_at),
        "retry_at": None,
    }


def _import_job(each: Import) -> dict[str, Any]:
    return {
        "id": each.pk,
        "mailing_list_id": each.mailing_list_id,
        "organization_id": each.organization_id,
        "suppression_list_id": None,
        "state": IMPORT_STATES[Import.Status(each.status)],
        "state2": None,
        "paused": False,
        "name": each.file_name,
        "progress_value": each.rows_done,
        "progress_total": each.rows_total or None,
        "job_type": "SubscriberImport",
        "begins_at": times.shown(each.created_at),
        "started_at": times.shown(each.started_at),
        "finished_at": times.shown(each.finished_at),
        "created_at": times.shown(each.created_at),
        "updated_at": times.shown(each.modified_at),
        "retry_at": None,
    }


# --- previews ------------------------------------------------------------------------------------------------------


@route("POST", "campaigns/{campaign}/send_preview", "mailing_lists/{list}/campaigns/{campaign}/send_preview")
def send_preview(call: Call) -> None:
    """Send each content to these addresses, marked as a test."""
    campaign, given = rows.named(call), call.given("preview")
    recipients = given.array("recipients") or []
    if not recipients or not all(isinstance(each, str) for each in recipients):
        given.problem("recipients", "must be an array of addresses")
    given.require_valid()
    variants = [each for each in campaign.variants.select_related("email", "campaign") if each.email]
    if not variants:
        raise ValidationFailed("the campaign has no content")
    try:
        for variant in variants:
            previews.send_test(variant, recipients, by=call.by)
    except InvalidAddress as error:
        raise ValidationFailed(f"recipients: {error}") from None

"""What a campaign can be sent through, and the addresses that get a copy: the lists that clients choose from."""

from typing import Any

from accounts.permissions import Permission
from api.greenarrow import pages, times
from api.greenarrow.campaigns import shapes
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import ValidationFailed
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from delivery import dispatches
from delivery.models import SeedList


@route("GET", "virtual_mtas")
def virtual_mtas(call: Call) -> Answer:
    """The one route there is: this server's relay."""
    call.require(Permission.READ)
    route_ = {"id": 0, "type": shapes.ROUTE["virtual_mta_type"], "name": shapes.ROUTE["virtual_mta_name"]}
    return pages.all_or_paged([route_], call.params, dict)


@route("GET", "url_domains")
def url_domains(call: Call) -> Answer:
    """The host that links lead to."""
    call.require(Permission.READ)
    domain = {"id": shapes.URL_DOMAIN_ID, "domain": dispatches.link_domain(call.organization)}
    return pages.all_or_paged([domain], call.params, dict)


@route("GET", "bounce_emails")
def bounce_emails(call: Call) -> Answer:
    """Where mails come back to."""
    call.require(Permission.READ)
    email = dispatches.bounce_address()
    local, _, domain = email.rpartition("@")
    bounce = {"id": "@".join(map(str, shapes.BOUNCE_ID)), "username": local, "domain": domain, "email": email}
    return pages.all_or_paged([bounce], call.params, dict)


@route("GET", "seed_lists")
def index(call: Call) -> Answer:
    """All seed lists, by id."""
    call.require(Permission.READ)
    return pages.all_or_paged(SeedList.objects.of(call.organization).order_by("pk"), call.params, shape)


@route("GET", "seed_lists/{seed_list}")
def show(call: Call) -> dict[str, Any]:
    """One seed list."""
    call.require(Permission.READ)
    return shape(call.one(SeedList.objects.all(), "seed_list"))


@route("POST", "seed_lists")
def create(call: Call) -> dict[str, Any]:
    """A new seed list."""
    changes = _read(call.given("seed_list"))
    if not changes.get("name"):
        raise ValidationFailed("name cannot be blank")
    return shape(dispatches.save_seed_list(SeedList(organization=call.organization), by=call.by, **changes))


@route("PUT", "seed_lists/{seed_list}")
def update(call: Call) -> dict[str, Any]:
    """Change what is given; the addresses are replaced as a whole."""
    seeds: SeedList = call.one(SeedList.objects.select_related("organization"), "seed_list")
    return shape(dispatches.save_seed_list(seeds, by=call.by, **_read(call.given("seed_list"))))


@route("DELETE", "seed_lists/{seed_list}")
def delete(call: Call) -> None:
    """Refused while a campaign that has not begun would send to it."""
    dispatches.delete_seed_list(call.one(SeedList.objects.select_related("organization"), "seed_list"), by=call.by)


def _read(given: Given) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if "name" in given:
        changes["name"] = (given.text("name", longest=255, one_line=True) or "").strip()
    if "addresses_array" in given:
        changes["addresses"] = given.array("addresses_array") or []
        if not all(isinstance(each, str) for each in changes["addresses"]):
            given.problem("addresses_array", "must be an array of addresses")
    given.require_valid()
    return changes


def shape(seeds: SeedList) -> dict[str, Any]:
    return {
        "id": seeds.pk,
        "name": seeds.name,
        "addresses_array": seeds.addresses,
        "organization_id": seeds.organization_id,
        "created_at": times.shown(seeds.created_at),
        "updated_at": times.shown(seeds.modified_at),
    }

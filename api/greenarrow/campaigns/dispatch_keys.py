"""`dispatch_attributes`, read and checked: each key by itself, and those that exclude each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import Organization
from api.greenarrow.campaigns import shapes, winner
from api.greenarrow.errors import MultipleRecordsFound, NotFound
from api.greenarrow.reading import Given
from api.greenarrow.vocabulary import WORDS
from audience.criteria.greenarrow.place import number
from campaigns.contents import SENDER
from delivery import dispatches
from delivery.models import SeedList

SEED_KEYS = ("seed_list_ids", "seed_list_names", "seed_list_id", "seed_list_name")
RULE_KEYS = ("special_sending_rule_id", "special_sending_rule_name")
NO_RULES = "may not be used: your organization has not been granted access to Special Sending Rules"
ADDRESSES = ("from_email", "reply_to", "sender_email")


@dataclass
class Settings:
    """`columns`: those of Dispatch that were said. `winner`: the keys of automatic winner selection that were."""

    columns: dict[str, Any] = field(default_factory=dict)
    winner: dict[str, Any] = field(default_factory=dict)
    state: str | None = None
    paused: bool | None = None
    begins_at: datetime | None = None
    has_begins_at: bool = False

    @property
    def sender(self) -> dict[str, str]:
        """As the emails' columns hold it."""
        return {name: self.columns[name] or "" for name in SENDER if name in self.columns}


def read(given: Given, organization: Organization) -> Settings:
    """Problems go to `given`. Raises NotFound and MultipleRecordsFound for names that lead nowhere, or to several."""
    settings = Settings(state=given.one_of("state", WORDS), winner=winner.read(given))
    if "paused" in given:
        settings.paused = given.boolean("paused")
    if "begins_at" in given:
        settings.begins_at, settings.has_begins_at = given.moment("begins_at"), True
    columns = settings.columns
    for name, column in (("track_opens", "tracks_opens"), ("track_links", "tracks_clicks")):
        if given.raw(name) not in (None, ""):
            columns[column] = given.boolean(name)
    if "speed" in given:
        columns["speed"] = given.integer("speed") or 0
    _read_sender(given, columns)
    _read_places(given, organization)
    if (lists := _seed_lists(given, organization)) is not None:
        columns["seed_lists"] = lists
    _refuse_rules(given)
    return settings


def id_of(written: Any) -> int | None:
    return number(written)


def _read_sender(given: Given, columns: dict[str, Any]) -> None:
    for name in (*SENDER, "sender_email"):
        if name in given:
            columns[name] = given.text(name, longest=200 if name == "from_name" else 254, one_line=True)
    for name in ADDRESSES:
        if columns.get(name):
            try:
                validate_email(columns[name])
            except ValidationError:
                given.problem(name, "is not a valid email address")


def _refuse_rules(given: Given) -> None:
    said = [name for name in RULE_KEYS if given.raw(name) not in (None, "")]
    if len(said) == 2:
        given.problem("only one of special_sending_rule_id and special_sending_rule_name", "may be present")
    elif said:
        given.problem(said[0], NO_RULES)


# --- what messages go through --------------------------------------------------------------------------------------


def _read_places(given: Given, organization: Organization) -> None:
    """There is one of each, so what is said has to be that one."""
    domain = dispatches.link_domain(organization)
    _only(given, "virtual_mta_id", "virtual_mta_name", 0, shapes.ROUTE["virtual_mta_name"])
    _only(given, "url_domain_id", "url_domain_name", shapes.URL_DOMAIN_ID, domain)
    _only_bounce(given)


def _only(given: Given, id_key: str, name_key: str, the_id: int, the_name: Any) -> None:
    pk, name = given.integer(id_key), given.text(name_key)
    if pk is not None and pk != the_id:
        given.problem(id_key, f"is unknown; there is {the_id}")
    if name and name.lower() != str(the_name).lower():
        raise NotFound(f"{name_key} {name[:100]} not found")


def _only_bounce(given: Given) -> None:
    user, domain = shapes.BOUNCE_ID
    written, name = given.text("bounce_email_id"), given.text("bounce_email_name")
    if written and written.strip() != f"{user}@{domain}":
        given.problem("bounce_email_id", f"is unknown; there is {user}@{domain}")
    for key, known in (("bounce_email_user_id", user), ("bounce_email_domain_id", domain)):
        if (pk := given.integer(key)) is not None and pk != known:
            given.problem(key, f"is unknown; there is {known}")
    if name and name.strip().lower() != dispatches.bounce_address().lower():
        raise NotFound(f"bounce_email_name {name[:100]} not found")


# --- seed lists ----------------------------------------------------------------------------------------------------


def _seed_lists(given: Given, organization: Organization) -> list[SeedList] | None:
    """None where nothing was said. One key at most; a single one replaces the whole set."""
    said = [key for key in SEED_KEYS if key in given]
    if len(said) > 1:
        given.problem(f"only one of {', '.join(SEED_KEYS)}", "may be present")
        return None
    if not said:
        return None
    key, known = said[0], list(SeedList.objects.of(organization).order_by("pk"))
    values = given.array(key) if key.endswith("s") else [given.raw(key)]
    wanted = [value for value in values or [] if value not in (None, "")]
    find = _by_id if "_id" in key else _by_name
    return [found for value in wanted if (found := find(given, key, known, value)) is not None]


Find = Callable[[Given, str, Sequence[SeedList], Any], "SeedList | None"]


def _by_id(given: Given, key: str, known: Sequence[SeedList], value: Any) -> SeedList | None:
    found = next((each for each in known if each.pk == number(value)), None)
    if found is None:
        given.problem(key, "contains an unknown seed list")
    return found


def _by_name(given: Given, key: str, known: Sequence[SeedList], value: Any) -> SeedList | None:
    found = [each for each in known if each.name.lower() == str(value).lower()]
    if not found:
        raise NotFound(f"seed list {str(value)[:100]} not found")
    if len(found) > 1:
        raise MultipleRecordsFound(f"there are several seed lists called {str(value)[:100]}")
    return found[0]

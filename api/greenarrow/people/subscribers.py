"""`subscribers`: people on a list. A subscriber here is our Subscription, and so is its id."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from django.db.models import Q, QuerySet

from accounts.permissions import Permission
from api.greenarrow import list_settings, pages, times
from api.greenarrow.campaigns import rows
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, MultipleRecordsFound, NotFound, RequestedTooMany, ValidationFailed
from api.greenarrow.people import fields
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from api.greenarrow.vocabulary import STATUS_WORDS, SUBSCRIBER_STATUSES
from audience import fields as custom_fields
from audience import people, subscriptions
from audience.addresses import normalise_email
from audience.consent import Evidence
from audience.criteria.greenarrow.place import number
from audience.errors import AlreadyThere, InvalidAddress, InvalidFields
from audience.models import CustomField, MailingList, Subscription
from content.tokens import BadToken, Purpose, read_recipient_token
from tracking import unsubscribes
from tracking.spool import Hit, HitKind, append

SOURCE = "greenarrow api"
MOST = 100
OF_LIST = "mailing_lists/{list}/subscribers"
Status = Subscription.Status


@route("GET", OF_LIST)
def index(call: Call) -> Answer:
    """By id; page by page, or from the token of the page before."""
    call.require(Permission.READ)
    mailing_list = rows.the_list(call)
    if "page" in call.params and "page_token" in call.params:
        raise InvalidRequest("only one of page and page_token may be present")
    page, found = pages.asked(call.params), _of_list(mailing_list)
    show = _shower(mailing_list)
    if "page" in call.params:
        chosen, beside = page.of(found)
        return Answer([show(row) for row in chosen], beside)
    after = _token(call.params.get("page_token", ""))
    chosen = list(found.filter(pk__gt=after)[: page.size + 1])
    token = str(chosen[page.size - 1].pk) if len(chosen) > page.size else None
    return Answer([show(row) for row in chosen[: page.size]], {"per_page": page.size, "next_page_token": token})


@route("GET", f"{OF_LIST}/{{people}}")
def show(call: Call) -> list[dict[str, Any]]:
    """Several by id or address; those there are not are left out."""
    call.require(Permission.READ)
    mailing_list = rows.the_list(call)
    wanted = [each.strip() for each in call.path["people"].split(",") if each.strip()]
    if len(wanted) > MOST:
        raise RequestedTooMany(f"at most {MOST} subscribers may be asked for at once")
    found = _of_list(mailing_list).filter(_any_of(wanted))
    if not found:
        raise NotFound("subscriber not found")
    return [*map(_shower(mailing_list), found)]


@route("POST", OF_LIST)
def create(call: Call) -> dict[str, Any]:
    """Put somebody on the list who is not on it."""
    call.require(Permission.UPDATE)
    mailing_list, given = rows.the_list(call), call.given("subscriber")
    asked = _read(given, mailing_list, is_new=True)
    given.require_valid()
    if _of_list(mailing_list).filter(subscriber__email=asked["email"]).exists():
        raise ValidationFailed("email has already been taken")
    status = asked.get("status") or (Status.SUBSCRIBED if mailing_list.opt_in == MailingList.OptIn.SINGLE else None)
    with _refused_fields():
        row = subscriptions.subscribe(
            mailing_list,
            email=asked["email"],
            fields={**_defaults(mailing_list), **asked["fields"]},
            source=SOURCE,
            ip_address=asked.get("subscribe_ip"),
            at=asked.get("subscribe_time"),
            by=call.by.user,
            status=status,
        )
    return _again(row, mailing_list)


@route("PUT", f"{OF_LIST}/{{person}}")
def update(call: Call) -> dict[str, Any]:
    """Change what is given; custom fields that are not named stay."""
    call.require(Permission.UPDATE)
    mailing_list, given = rows.the_list(call), call.given("subscriber")
    row = _one(mailing_list, call.path["person"])
    asked = _read(given, mailing_list, is_new=False)
    given.require_valid()
    _change_person(row, mailing_list, asked)
    if (status := asked.get("status")) and status != row.status:
        _move(call, row, status, asked)
    return _again(row, mailing_list)


@route("POST", "subscribers/unsubscribe", "mailing_lists/{list}/subscribers/unsubscribe")
def unsubscribe(call: Call) -> dict[str, Any]:
    """By the token of a mail (`%%unsubscribe_token%%`): as if the person had used the mail's own link."""
    call.require(Permission.UPDATE)
    given = call.given("unsubscribe")
    token, address = given.text("token", longest=500), _ip(given, "ip")
    given.require_valid()
    try:
        who = read_recipient_token(Purpose.UNSUBSCRIBE, token or "")
        wish = unsubscribes.find(who)
    except (BadToken, unsubscribes.Gone):
        raise NotFound("there is no such token") from None
    if wish.organization.pk != call.organization.pk:
        raise NotFound("there is no such token")
    before = wish.subscriptions().first()
    unsubscribes.unsubscribe(wish, source=SOURCE, ip_address=address or "")
    data = {"applied": True, "everything": False, "source": SOURCE}
    append(
        Hit(
            HitKind.UNSUBSCRIBED,
            who.run_id,
            who.recipient_id,
            who.subscriber_id,
            call.now,
            ip_address=address or "",
            data=data,
        )
    )
    row = before or wish.subscriber.subscriptions.kept().order_by("-modified_at").first()
    if row is None:
        raise NotFound("subscriber not found")
    return _again(row, row.mailing_list)


@route("POST", f"{OF_LIST}/{{person}}/trigger_autoresponders")
def trigger_autoresponders(call: Call) -> None:
    """Refused: there are no autoresponders."""
    raise InvalidRequest("autoresponders are not available on this server")


# --- finding -------------------------------------------------------------------------------------------------------


def _of_list(mailing_list: MailingList) -> QuerySet[Subscription]:
    found = Subscription.objects.filter(mailing_list=mailing_list, subscriber__email__isnull=False)
    return found.select_related("subscriber", "mailing_list__organization").order_by("pk")


def _any_of(wanted: list[str]) -> Q:
    ids = [pk for each in wanted if (pk := number(each)) is not None]
    return Q(pk__in=ids) | Q(subscriber__email__in=[each.lower() for each in wanted])


def _one(mailing_list: MailingList, written: str) -> Subscription:
    """Raises NotFound."""
    found = list(_of_list(mailing_list).filter(_any_of([written]))[:2])
    if not found:
        raise NotFound("subscriber not found")
    if len(found) > 1:
        raise MultipleRecordsFound("several subscribers match")
    return found[0]


def _token(written: str) -> int:
    found = number(written) if written else 0
    if found is None:
        raise InvalidRequest("page_token is not one of ours")
    return found


# --- reading -------------------------------------------------------------------------------------------------------


def _read(given: Given, mailing_list: MailingList, *, is_new: bool) -> dict[str, Any]:
    asked: dict[str, Any] = {"fields": _fields(given, mailing_list, is_new=is_new)}
    if is_new or "email" in given:
        asked["email"] = _email(given)
    if given.raw("status") not in (None, ""):
        word = given.one_of("status", tuple(SUBSCRIBER_STATUSES))
        if word == "deactivated":
            given.problem("status", "deactivated is not available; unsubscribe the subscriber instead")
        asked["status"] = SUBSCRIBER_STATUSES.get(str(word))
    if "subscribe_time" in given:
        asked["subscribe_time"] = given.moment("subscribe_time")
        if asked["subscribe_time"] and asked["subscribe_time"] > (given.now or asked["subscribe_time"]):
            given.problem("subscribe_time", "is in the future")
    if "subscribe_ip" in given:
        asked["subscribe_ip"] = _ip(given, "subscribe_ip")
    return asked


def _email(given: Given) -> str:
    try:
        return normalise_email(given.text("email") or "")
    except InvalidAddress:
        given.problem("email", "is invalid")
        return ""


def _ip(given: Given, name: str) -> str | None:
    written = (given.text(name) or "").strip()
    try:
        return str(ip_address(written)) if written else None
    except ValueError:
        given.problem(name, "is not an IP address")
        return None


def _fields(given: Given, mailing_list: MailingList, *, is_new: bool) -> dict[str, Any]:
    """By key; `{name: value}` or `{name: {name, value}}`."""
    written = given.object("custom_fields") or {}
    known = fields.of_list(mailing_list)
    values = {}
    for name, value in written.items():
        field = _called(known, name)
        if field is None:
            given.problem("custom_fields", f"{str(name)[:100]} is not a custom field of this list")
            continue
        values[field.key] = _value(field, value.get("value") if isinstance(value, dict) else value)
    if is_new:
        for field in known:
            is_required = fields.settings_of(field).get("required")
            if is_required and values.get(field.key) in (None, "", []):
                given.problem("custom_fields", f"{field.name} cannot be blank")
    return values


def _called(known: list[CustomField], name: str) -> CustomField | None:
    """By its name with spaces or underscores, in any case, or by its key; a list's own first."""
    folded = name.strip().replace("_", " ").casefold()
    found = [each for each in known if each.name.replace("_", " ").casefold() == folded or each.key == name]
    return next((each for each in found if each.mailing_list_id), found[0] if found else None)


def _value(field: CustomField, value: Any) -> Any:
    if field.kind == CustomField.Kind.DATE and isinstance(value, str):
        return value[:10] if value[4:5] == "-" else value
    return value if isinstance(value, str | int | float | bool | list) or value is None else str(value)


def _defaults(mailing_list: MailingList) -> dict[str, Any]:
    found = {}
    for field in fields.of_list(mailing_list):
        values = fields.settings_of(field)
        default = next((values[name] for name in values if name.startswith("default_")), None)
        if default is not None:
            found[field.key] = default
    return found


class _refused_fields:  # noqa: N801 - used as `with _refused_fields():`
    """What the domain says of a custom field, under the field's name."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, InvalidFields):
            said = ", ".join(f"custom_fields {key}: {problem}" for key, problem in error.problems.items())
            raise ValidationFailed(said) from None
        if isinstance(error, AlreadyThere):
            raise ValidationFailed("email has already been taken") from None


# --- changing ------------------------------------------------------------------------------------------------------


def _change_person(row: Subscription, mailing_list: MailingList, asked: Mapping[str, Any]) -> None:
    known = custom_fields.of_list(mailing_list)
    own = {key: value for key, value in asked["fields"].items() if known[key].mailing_list_id}
    with _refused_fields():
        if own:
            people.change_list_fields(row, own)
        written: dict[str, Any] = {"fields": {k: v for k, v in asked["fields"].items() if k not in own}}
        if asked.get("email") and asked["email"] != row.subscriber.email:
            written["email"] = asked["email"]
        if written["fields"] or "email" in written:
            people.change(row.subscriber, written)


def _move(call: Call, row: Subscription, status: str, asked: Mapping[str, Any]) -> None:
    """Who left comes back only where their consent is stated: with `subscribe_ip`."""
    person, mailing_list, at = row.subscriber, row.mailing_list, asked.get("subscribe_time")
    if status == Status.UNSUBSCRIBED:
        subscriptions.unsubscribe(person, mailing_lists=[mailing_list], source=SOURCE, by=call.by.user)
    elif status == Status.COMPLAINED:
        subscriptions.complain(person, mailing_lists=[mailing_list], source=SOURCE, by=call.by.user)
    elif row.status == Status.BOUNCED and status == Status.SUBSCRIBED:
        subscriptions.give_back_bounced(person, Evidence(source=SOURCE, by=call.by.user))
    else:
        subscriptions.subscribe(
            mailing_list,
            email=str(person.email),
            source=SOURCE,
            ip_address=asked.get("subscribe_ip"),
            at=at,
            by=call.by.user,
            status=status,
        )


# --- showing -------------------------------------------------------------------------------------------------------


def _again(row: Subscription, mailing_list: MailingList) -> dict[str, Any]:
    return _shower(mailing_list)(_of_list(mailing_list).get(pk=row.pk))


def _shower(mailing_list: MailingList) -> Callable[[Subscription], dict[str, Any]]:
    """Shows people of this list; what the list says of all of them is read once."""
    known, settings = fields.of_list(mailing_list), list_settings.of(mailing_list)
    return lambda row: shape(row, known, settings)


def shape(row: Subscription, known: list[CustomField], settings: Mapping[str, Any]) -> dict[str, Any]:
    zone = row.mailing_list.organization.timezone
    shown: dict[str, Any] = {
        "id": row.pk,
        "mailing_list_id": row.mailing_list_id,
        "email": row.subscriber.email,
        **times.of_local("created_at", row.created_at, zone),
        "status": STATUS_WORDS[row.status],
        **times.of_local("subscribe_time", row.subscribed_at or row.created_at, zone),
        "subscribe_ip": row.ip_address,
        **times.of_local("unsub_time", row.unsubscribed_at, zone),
    }
    if settings.get("has_confirmed"):
        shown["confirmed"] = row.confirmed_at is not None
    if settings.get("has_format"):
        shown["email_format"] = "html"
    stored = {**row.subscriber.fields, **row.fields}
    shown["custom_fields"] = {
        field.name: {"name": field.name, "type": fields.type_of(field), "value": stored.get(field.key)}
        for field in known
    }
    return shown

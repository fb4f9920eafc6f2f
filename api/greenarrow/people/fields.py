"""`custom_fields`, of a list and of all lists ("global")."""

from typing import Any

from django.db.models import Q, QuerySet, prefetch_related_objects

from accounts.permissions import Permission
from api.greenarrow import pages
from api.greenarrow.campaigns import rows
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import NotFound, ValidationFailed
from api.greenarrow.models import FieldSettings
from api.greenarrow.reading import Given
from api.greenarrow.routing import Call, route
from audience import fields as custom_fields
from audience.criteria.greenarrow.place import number
from audience.errors import InvalidKey
from audience.models import CustomField, MailingList
from campaigns.models import UNFINISHED, Campaign

Kind = CustomField.Kind
KINDS = {
    "text": Kind.TEXT,
    "text_multiline": Kind.TEXT,
    "number": Kind.NUMBER,
    "date": Kind.DATE,
    "day_of_year": Kind.TEXT,
    "select_single_dropdown": Kind.CHOICE,
    "select_single_radio": Kind.CHOICE,
    "select_multiple_checkboxes": Kind.MULTI_CHOICE,
    "boolean": Kind.BOOLEAN,
}
TYPES = {
    Kind.TEXT: "text",
    Kind.NUMBER: "number",
    Kind.DATE: "date",
    Kind.BOOLEAN: "boolean",
    Kind.CHOICE: "select_single_dropdown",
    Kind.TIME: "text",
    Kind.MULTI_CHOICE: "select_multiple_checkboxes",
}
# What each type has besides, and how it is read.
EXTRAS = {
    "text": {"default_string": "text", "minimum_length": "integer", "maximum_length": "integer"},
    "number": {"default_integer": "integer", "minimum_value": "integer", "maximum_value": "integer"},
    "boolean": {"default_boolean": "boolean"},
}
EXTRAS["text_multiline"] = {**EXTRAS["text"], "number_of_rows": "integer"}
LONGEST_NAME = 49
IN_USE = "The custom field is in use and cannot be deleted."
OF_LIST = "mailing_lists/{list}/custom_fields"


@route("GET", OF_LIST, "custom_fields")
def index(call: Call) -> Answer:
    """The fields of a list with the global ones, or the global ones alone."""
    call.require(Permission.READ)
    return pages.all_or_paged(_known(call), call.params, shape)


@route("GET", f"{OF_LIST}/deleted", "custom_fields/deleted")
def deleted(call: Call) -> list[Any]:
    """Nothing: a deleted field is gone."""
    call.require(Permission.READ)
    if "list" in call.path:
        rows.the_list(call)
    return []


@route("GET", f"{OF_LIST}/{{field}}", "custom_fields/{field}")
def show(call: Call) -> dict[str, Any]:
    """One field."""
    call.require(Permission.READ)
    return shape(_named(call))


@route("POST", OF_LIST, "custom_fields")
def create(call: Call) -> dict[str, Any]:
    """A new field, of the list or global."""
    call.require(Permission.CREATE)
    given = call.given("custom_field")
    mailing_list = rows.the_list(call) if "list" in call.path else None
    name = _name(given)
    kind = given.one_of("field_type", tuple(KINDS))
    if not kind:
        given.problem("field_type", "cannot be blank")
    choices, values = _options(given, kind), _extras(given, kind)
    given.require_valid()
    try:
        field = custom_fields.create(
            call.organization,
            key=custom_fields.suggest_key(name),
            name=name,
            kind=KINDS[str(kind)],
            choices=choices or [],
            mailing_list=mailing_list,
        )
    except InvalidKey as error:
        raise ValidationFailed(f"name has already been taken or cannot be used: {error}") from None
    FieldSettings.objects.create(field=field, values={**values, "field_type": kind})
    return shape(field)


@route("PUT", f"{OF_LIST}/{{field}}", "custom_fields/{field}")
def update(call: Call) -> dict[str, Any]:
    """The name, the options, and what else is said of it; the type stays, since values are kept by it."""
    call.require(Permission.UPDATE)
    CustomField.objects.select_for_update(no_key=True).filter(
        pk=_named(call).pk
    ).first()  # two changes at once keep both
    field, given = _named(call), call.given("custom_field")
    kind = type_of(field)
    if "field_type" in given and given.one_of("field_type", tuple(KINDS)) not in (kind, None):
        given.problem("field_type", "cannot be changed")
    name = _name(given) if "name" in given else field.name
    choices, values = _options(given, kind) if "options" in given else None, _extras(given, kind)
    given.require_valid()
    field.name, field.choices = name, field.choices if choices is None else choices
    custom_fields.check(field)
    field.save()
    before = settings_of(field)
    FieldSettings.objects.update_or_create(field=field, defaults={"values": {**before, **values}})
    return shape(CustomField.objects.get(pk=field.pk))


@route("DELETE", f"{OF_LIST}/{{field}}", "custom_fields/{field}")
def delete(call: Call) -> None:
    """Refused while a campaign that is not over asks for it, with those campaigns."""
    call.require(Permission.DELETE)
    field = _named(call)
    if users := dependencies(field):
        raise ValidationFailed(IN_USE, {"dependencies": users})
    field.delete()


@route("POST", "custom_fields/promote")
def promote(call: Call) -> None:
    """Refused: values stand with the list. A client reads why, and that nothing has changed."""
    call.require(Permission.UPDATE)
    given = call.given("custom_field_promoter", "promote")
    pk = given.integer("custom_field_id")
    given.require_valid()
    field = CustomField.objects.of(call.organization).filter(pk=pk).first() if pk else None
    if field is None:
        raise NotFound("custom field not found")
    if field.mailing_list_id is None:
        raise ValidationFailed("the custom field is global already")
    raise ValidationFailed("fields of a list cannot be made global; create a global field, and import the values")


def dependencies(field: CustomField) -> list[dict[str, Any]]:
    """Campaigns that are not over and whose segments ask for the field."""
    live = Campaign.objects.kept().filter(organization=field.organization, state__in=UNFINISHED)
    parts = live.filter(audience__segment__isnull=False).values_list("pk", "audience__segment__rules")
    users = {pk for pk, rules in parts if _asks_for(rules, f"fields.{field.key}")}
    return [{"type": "campaign", "id": pk} for pk in sorted(users)]


def _asks_for(rules: Any, name: str) -> bool:
    if isinstance(rules, dict):
        return rules.get("field") == name or any(_asks_for(each, name) for each in rules.values())
    return isinstance(rules, list) and any(_asks_for(each, name) for each in rules)


# --- reading -------------------------------------------------------------------------------------------------------


def _known(call: Call) -> QuerySet[CustomField]:
    of_all = Q(mailing_list=None)
    if "list" in call.path:
        of_all |= Q(mailing_list=rows.the_list(call))
    return CustomField.objects.of(call.organization).filter(of_all).select_related("greenarrow_settings").order_by("pk")


def _named(call: Call) -> CustomField:
    pk = number(call.path["field"])
    field = _known(call).filter(pk=pk).first() if pk is not None else None
    if field is None:
        raise NotFound("custom field not found")
    return field


def _name(given: Given) -> str:
    name = (given.text("name", longest=LONGEST_NAME, one_line=True) or "").strip()
    if not name:
        given.problem("name", "cannot be blank")
    elif name.lower().startswith("data"):
        given.problem("name", "cannot begin with Data")
    return name


def _options(given: Given, kind: str | None) -> list[str] | None:
    if kind is None or KINDS[kind] not in custom_fields.HAVE_CHOICES:
        return None
    options = given.array("options") or []
    names = [each.get("name") if isinstance(each, dict) else each for each in options]
    if not names or not all(isinstance(each, str) and each.strip() for each in names):
        given.problem("options", "must be a list of objects with a name")
        return None
    return [str(each).strip() for each in names]


def _extras(given: Given, kind: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "required" in given:
        values["required"] = bool(given.boolean("required"))
    if "instructions" in given:
        values["instructions"] = given.text("instructions", longest=5000)
    for name, how in EXTRAS.get(str(kind), {}).items():
        if name in given:
            values[name] = getattr(given, how)(name)
    return values


def settings_of(field: CustomField) -> dict[str, Any]:
    try:
        return dict(field.greenarrow_settings.values)
    except FieldSettings.DoesNotExist:
        return {}


def type_of(field: CustomField, values: dict[str, Any] | None = None) -> str:
    values = settings_of(field) if values is None else values
    return str(values.get("field_type") or TYPES[Kind(field.kind)])


def shape(field: CustomField) -> dict[str, Any]:
    values = settings_of(field)
    kind = type_of(field, values)
    shown = {
        "id": field.pk,
        "name": field.name,
        "field_type": kind,
        "required": bool(values.get("required")),
        "instructions": values.get("instructions"),
        "mailing_list_id": field.mailing_list_id,
        "is_global": field.mailing_list_id is None,
        **{name: values.get(name) for name in EXTRAS.get(kind, {})},
    }
    if field.kind in custom_fields.HAVE_CHOICES:
        shown["options"] = [{"id": at, "index": at, "name": each} for at, each in enumerate(field.choices)]
    return shown


def of_list(mailing_list: MailingList) -> list[CustomField]:
    """What people on it may have, by id, with what is said of each."""
    found = sorted(custom_fields.of_list(mailing_list).values(), key=lambda field: field.pk)
    prefetch_related_objects(found, "greenarrow_settings")
    return found

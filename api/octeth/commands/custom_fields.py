"""Custom fields (Octeth's CustomField.* and CustomFields.*)."""

import re
from collections.abc import Iterator
from typing import Any

from api.octeth import echoes
from api.octeth.errors import Refused, Shape
from api.octeth.lists import field_row, fields, mailing_list
from api.octeth.models import Echo
from api.octeth.ordering import folded, ordered
from api.octeth.parameters import values
from api.octeth.registry import Call, command
from audience import fields as custom_fields
from audience.errors import InvalidKey
from audience.models import CustomField, MailingList

Kind = CustomField.Kind
MISSING = {"SubscriberListID": 1, "FieldName": 2, "FieldType": 3}
TEXTS = {
    "SubscriberListID": "Subscriber list ID is missing",
    "FieldName": "Field name is missing",
    "FieldType": "Field type is missing",
}
TYPES = {
    "singleline": Kind.TEXT,
    "paragraphtext": Kind.TEXT,
    "hiddenfield": Kind.TEXT,
    "multiplechoice": Kind.CHOICE,
    "dropdown": Kind.CHOICE,
    "checkboxes": Kind.MULTI_CHOICE,
    "datefield": Kind.DATE,
    "timefield": Kind.TIME,
}
DATA_TYPES = {
    "text": Kind.TEXT,
    "longtext": Kind.TEXT,
    "number": Kind.NUMBER,
    "datetime": Kind.DATE,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timestamp": Kind.DATE,
    "single-select": Kind.CHOICE,
    "multi-select": Kind.MULTI_CHOICE,
}
RESERVED = {
    *("subscriberid", "emailaddress", "subscriptiondate", "subscriptionip", "optindate"),
    *("subscriptionstatus", "bouncetype"),
}
ECHOED = (
    *("FieldType", "DefaultValue", "ValidationMethod", "ValidationRule", "MergeTagAlias", "DataType"),
    *("IsRequired", "IsUnique", "Visibility", "Years"),
)
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z", re.ASCII)
ORDERS = {"fieldname": "name", "customfieldid": "pk", "fieldtype": "kind"}


@command("customfield.create", permission="CustomField.Create", shape=Shape.LIST_TEXTS, writes=True)
def create(call: Call) -> dict[str, Any]:
    given = call.parameters
    if given.word("PresetName"):
        raise Refused(5, text="There are no preset fields here")
    call.require(*MISSING, codes=MISSING, texts=TEXTS)
    kind, choices = _kind(call, 7), _choices(call)
    found = mailing_list(call, "SubscriberListID", unknown=8)
    home = None if given.flag("IsGlobal") else found
    MailingList.objects.select_for_update().get(pk=found.pk)  # so that two at once do not take the same key
    key = _key(call)
    try:
        made = custom_fields.create(
            call.organization,
            key=key or _free_key(call, home),
            name=given.word("FieldName")[:255],
            kind=kind if choices or kind not in custom_fields.HAVE_CHOICES else Kind.TEXT,
            choices=choices,
            mailing_list=home,
        )
    except InvalidKey as refusal:
        raise Refused(1000 if key else 2, text=str(refusal)) from refusal
    _remember(call, made)
    return {"ErrorText": "", "CustomFieldID": made.pk}


def _kind(call: Call, code: int) -> str:
    """The data type says more than the form's field; both have to be known."""
    form, data = folded(call.parameters.word("FieldType")), call.parameters.word("DataType").lower()
    if form and form not in TYPES:
        raise Refused(3, text="Field type is not known")
    if data and data not in DATA_TYPES:
        raise Refused(code, text="Data type is not known")
    return DATA_TYPES.get(data) or TYPES.get(form, Kind.TEXT)


def _choices(call: Call) -> list[str]:
    """`OptionValue`, where there are some, is what is stored; else the labels are."""
    given = call.parameters
    found = given.tree("OptionValue") or given.tree("OptionLabel")
    return list(dict.fromkeys(str(each).strip() for each in values(found) if str(each).strip()))


def _key(call: Call) -> str:
    """From the alias: `FirstName` is kept as `first_name`, and mails may say either."""
    alias = call.parameters.word("MergeTagAlias")
    if not alias:
        return ""
    if not ALIAS.match(alias):
        raise Refused(1001, text="MergeTagAlias takes letters, digits and underscores")
    if alias.lower() in RESERVED:
        raise Refused(1002, text=f"MergeTagAlias {alias} is reserved")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", alias).lower()


def _free_key(call: Call, home: MailingList | None) -> str:
    """From the name; the same name again gets a number behind it."""
    wanted = custom_fields.suggest_key(call.parameters.word("FieldName"))
    taken = set(call.who.own(CustomField.objects.all()).values_list("key", flat=True)) | custom_fields.RESERVED
    return next(key for key in _numbered(wanted) if key not in taken)


def _numbered(key: str) -> Iterator[str]:
    yield key[:64]
    for number in range(2, 100_000):
        yield f"{key[:57]}_{number}"


def _remember(call: Call, field: CustomField) -> None:
    given = call.parameters
    kept = {name: given.text(name) for name in ECHOED if given.given(name)}
    if given.given("FieldDefaultValue") and "DefaultValue" not in kept:
        kept["DefaultValue"] = given.text("FieldDefaultValue")
    echoes.remember(call.organization, Echo.Kind.FIELD, field.pk, kept)


@command("customfield.update", permission="CustomField.Update", shape=Shape.LIST_TEXTS, writes=True)
def update(call: Call) -> dict[str, Any]:
    given = call.parameters
    needed = {"CustomFieldID": 1, "FieldName": 2, "FieldType": 3}
    call.require(*needed, codes=needed)
    rows = call.who.own(CustomField.objects.select_for_update(of=("self",)))
    field = rows.filter(pk=given.whole("CustomFieldID")).first()
    if field is None:
        raise Refused(6, text="Custom field not found")
    if given.word("SubscriberListID"):
        found = mailing_list(call, "SubscriberListID", unknown=13)
        if field.mailing_list_id and field.mailing_list_id != found.pk:
            raise Refused(14, text="A custom field stays on its list")
    _kind(call, 7)
    field.name = given.word("FieldName")[:255]
    field.choices = _choices(call) or field.choices
    try:
        custom_fields.check(field)
    except InvalidKey as refusal:
        raise Refused(4, text=str(refusal)) from refusal
    field.save()
    _remember(call, field)
    return {"ErrorText": ""}


@command("customfields.get", permission="CustomFields.Get", shape=Shape.LIST_TEXT, old=Shape.SCALAR)
def get_many(call: Call) -> dict[str, Any]:
    given = call.parameters
    found = mailing_list(call, "SubscriberListID", missing=1, unknown=2)
    rows = fields(call, found)
    if given.flag("ReturnGlobalCustomFields"):
        rows = rows | fields(call, None)
    page = list(ordered(rows, given, ORDERS, "name"))
    known = echoes.of(Echo.Kind.FIELD, [each.pk for each in page])
    shown = [field_row(each, known.get(each.pk, {}), list_id=found.pk) for each in page]
    return {"ErrorText": "", "TotalFieldCount": len(shown), "CustomFields": shown}


@command("customfields.delete", permission="CustomFields.Delete", shape=Shape.LIST, old=Shape.NAMED, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """Values people have of it stay until they are changed; a field of the same name finds them again."""
    wanted = call.parameters.ids("CustomFields")
    if not wanted:
        raise Refused(1, text="Required field missing: customfields", names=["customfields"])
    rows = call.who.own(CustomField.objects.filter(pk__in=wanted))
    echoes.forget(Echo.Kind.FIELD, list(rows.values_list("pk", flat=True)))
    rows.delete()
    return {"ErrorText": ""}


@command("customfields.copy", permission="CustomField.Create", shape=Shape.LIST_TEXTS, writes=True)
def copy(call: Call) -> dict[str, Any]:
    codes = {"SourceListID": 1, "TargetListID": 2}
    call.require(*codes, codes=codes)
    source = mailing_list(call, "SourceListID", unknown=4)
    target = mailing_list(call, "TargetListID", unknown=4)
    there = set(fields(call, target).values_list("key", flat=True))
    for field in fields(call, source).exclude(key__in=there):
        custom_fields.create(
            call.organization,
            key=field.key,
            name=field.name,
            kind=field.kind,
            choices=field.choices,
            mailing_list=target,
        )
    return {"ErrorText": ""}

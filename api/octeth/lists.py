"""Finding the list a command is about, and how lists and their fields read."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Q, QuerySet

from api.octeth.errors import Refused
from api.octeth.registry import Call
from api.octeth.rows import UNSET, moment, yes_no
from audience.models import CustomField, MailingList, Subscription
from content.merge.known import alias

Kind = CustomField.Kind
OPT_IN = {MailingList.OptIn.SINGLE: "Single", MailingList.OptIn.DOUBLE: "Double"}
# What clients may set of a list that nothing here acts on; it is kept and said again.
ECHOED = (
    *("SenderName", "SenderEmailAddress", "SenderCompany", "SenderAddress", "OptInConfirmationEmailID"),
    *("OptOutAddToSuppressionList", "OptOutAddToGlobalSuppressionList", "OptOutScope", "SendActivityNotification"),
    *("SubscriptionConfirmationPendingPageURL", "SubscriptionConfirmedPageURL", "SubscriptionErrorPageURL"),
    *("UnsubscriptionConfirmedPageURL", "UnsubscriptionErrorPageURL"),
)
FIELD_TYPES = {
    Kind.TEXT: "Single line",
    Kind.NUMBER: "Single line",
    Kind.DATE: "Date field",
    Kind.TIME: "Time field",
    Kind.BOOLEAN: "Checkboxes",
    Kind.CHOICE: "Drop down",
    Kind.MULTI_CHOICE: "Checkboxes",
}


def lists(call: Call) -> QuerySet[MailingList]:
    return call.who.own(MailingList.objects.select_related("organization"))


def mailing_list(call: Call, name: str, *, unknown: int, missing: int | None = None, text: str = "") -> MailingList:
    """The one this parameter names. Raises Refused with `missing` where it was not sent, `unknown` for no such list."""
    if missing is not None and not call.parameters.word(name):
        raise Refused(missing, text=text or f"Required field missing: {name.lower()}", names=[name.lower()])
    found = lists(call).filter(pk=call.parameters.whole(name)).first()
    if found is None:
        raise Refused(unknown, text="List not found", names=[name.lower()])
    return found


def counted(rows: QuerySet[MailingList]) -> QuerySet[MailingList]:
    """With how many people are on each, how many of them are mailable, and how many segments name it."""
    active = Q(subscriptions__status=Subscription.Status.SUBSCRIBED)
    return rows.annotate(
        people=Count("subscriptions", distinct=True),
        active=Count("subscriptions", filter=active, distinct=True),
        segments_here=Count("segments", filter=Q(segments__is_ad_hoc=False), distinct=True),
    )


def row(found: MailingList, echo: Mapping[str, Any]) -> dict[str, Any]:
    """`counted` where the counts are wanted; they are 0 without."""
    zone = found.organization.timezone
    return {
        "ListID": found.pk,
        "RelOwnerUserID": found.organization_id,
        "Name": found.name,
        "ListName": found.name,
        "Description": found.description,
        "OptInMode": OPT_IN[MailingList.OptIn(found.opt_in)],
        "CreatedOn": moment(found.created_at, zone),
        "ArchivedAt": UNSET,
        "LastActivityAt": moment(found.modified_at, zone),
        "SubscriberCount": getattr(found, "people", 0),
        "ActiveSubscriberCount": getattr(found, "active", 0),
        "SegmentCount": getattr(found, "segments_here", 0),
        "EncryptedSaltedListID": found.public_id,
        "SyncLastDateTime": UNSET,
        "HideInSubscriberArea": "false" if found.is_public else "true",
        "Options": echo.get("Options", {}),
        **{name: echo.get(name, "") for name in ECHOED},
    }


# --- custom fields -----------------------------------------------------------------------------------------------


def fields(call: Call, found: MailingList | None) -> QuerySet[CustomField]:
    """Of the list alone, or of the whole organization."""
    return call.who.own(CustomField.objects.filter(mailing_list=found))


def field_row(field: CustomField, echo: Mapping[str, Any], *, list_id: int) -> dict[str, Any]:
    """Ids are text here, as the documents print them."""
    return {
        "CustomFieldID": str(field.pk),
        "RelListID": str(field.mailing_list_id or list_id),
        "RelOwnerUserID": str(field.organization_id),
        "FieldName": field.name,
        "FieldType": echo.get("FieldType") or FIELD_TYPES[Kind(field.kind)],
        "FieldDefaultValue": echo.get("DefaultValue", ""),
        "FieldOptions": ",,,".join(f"[[{choice}]||[{choice}]]" for choice in field.choices),
        "ValidationMethod": echo.get("ValidationMethod", "Disabled"),
        "ValidationRule": echo.get("ValidationRule", ""),
        "IsRequired": echo.get("IsRequired", "No"),
        "IsUnique": echo.get("IsUnique", "No"),
        "Visibility": echo.get("Visibility", "User Only"),
        "IsGlobal": yes_no(field.mailing_list_id is None),
        "MergeTagAlias": echo.get("MergeTagAlias") or alias(field.key),
        "DataType": echo.get("DataType", ""),
    }

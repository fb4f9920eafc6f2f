"""What a list has to say about new campaigns, and about what its subscribers have."""

from typing import Any

from accounts.models import Organization
from api.greenarrow.models import ListSettings
from audience.models import MailingList

# As `d_...` on the list, as it stands in `dispatch_attributes`.
DEFAULTS = {
    "d_from_email": "from_email",
    "d_from_name": "from_name",
    "d_reply_to": "reply_to",
    "d_sender_email": "sender_email",
    "d_speed": "speed",
    "d_seed_list_ids": "seed_list_ids",
    "d_autowinner_enabled": "autowinner_enabled",
    "d_autowinner_percentage": "autowinner_percentage",
    "d_autowinner_delay_amount": "autowinner_delay_amount",
    "d_autowinner_delay_unit": "autowinner_delay_unit",
    "d_autowinner_metric": "autowinner_metric",
}
FLAGS = ("has_format", "has_confirmed", "custom_headers_enabled")
OTHERS = ("custom_headers", "preview_custom_field_data")


def of(mailing_list: MailingList) -> dict[str, Any]:
    """By the API's names; without any, there is none."""
    row = ListSettings.objects.filter(mailing_list=mailing_list).first()
    return dict(row.values) if row else {}


def of_all(organization: Organization) -> dict[int, dict[str, Any]]:
    """By list; without those that have none."""
    return dict(ListSettings.objects.of(organization).values_list("mailing_list_id", "values"))


def keep(mailing_list: MailingList, values: dict[str, Any]) -> None:
    ListSettings.objects.update_or_create(mailing_list=mailing_list, defaults={"values": values})


def defaults_of(mailing_list: MailingList) -> dict[str, Any]:
    """As `dispatch_attributes`; what is not set says nothing. The edition's sender stands in for the list's."""
    values = of(mailing_list)
    found = {theirs: values[ours] for ours, theirs in DEFAULTS.items() if values.get(ours) not in (None, "")}
    edition = mailing_list.edition
    if edition and edition.from_email:
        found.setdefault("from_email", edition.from_email)
        found.setdefault("from_name", edition.from_name)
    return found

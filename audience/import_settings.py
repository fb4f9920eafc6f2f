"""What can be said of an import before it starts, and whether it makes sense."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from django.utils.timezone import now

from audience.addresses import shown
from audience.csv_files import DELIMITERS
from audience.errors import ImportRefused
from audience.import_preview import preview
from audience.import_rows import LONGEST_SOURCE
from audience.import_workbooks import WRITTEN
from audience.models import Import

LONGEST_WORDING = 10_000
SETTINGS = frozenset(
    {"mapping", "on_conflict", "country_code", "encoding", "delimiter", "has_header", "opt_in_status", "consent_at"}
    | {"consent_ip_address", "consent_source", "consent_wording"}
)


def apply(draft: Import, settings: Mapping[str, Any]) -> None:
    """Set these, and check all. The mapping comes last: its headings are those of the file as it is read now.

    Raises ImportRefused.
    """
    if draft.mailing_list.deleted_at:
        raise ImportRefused(f"The list {draft.mailing_list} is deleted.")
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ImportRefused(f"An import has no setting {name}.")
        if name != "mapping":
            setattr(draft, name, value)
    if draft.on_conflict not in Import.OnConflict.values:
        raise ImportRefused("Say whether people who are on the list already are updated, filled in or skipped.")
    if draft.opt_in_status not in Import.OptInStatus.values:
        raise ImportRefused("Say whether people are subscribed, or unconfirmed and asked to confirm.")
    _check_consent(draft)
    _check_format(draft)
    if "mapping" in settings:
        draft.mapping = _by_number(draft, settings["mapping"])


def _check_format(draft: Import) -> None:
    if draft.file_format == Import.FileFormat.XLSX:  # kept as CSV of our own
        draft.encoding, draft.delimiter = WRITTEN.encoding, WRITTEN.delimiter
    if draft.delimiter not in tuple(DELIMITERS):
        raise ImportRefused("Columns are divided by a comma, semicolon, tab or vertical bar.")
    try:
        "".encode(draft.encoding)
    except LookupError as error:
        raise ImportRefused(f"There is no encoding called {draft.encoding}.") from error


def _check_consent(draft: Import) -> None:
    if draft.consent_at is not None and draft.consent_at > now() + timedelta(days=1):
        raise ImportRefused("The date of consent lies in the future; nobody can have agreed then.")
    try:
        address = draft.consent_ip_address
        draft.consent_ip_address = str(ip_address(address)) if address else None
    except ValueError as error:
        raise ImportRefused(f"{shown(str(draft.consent_ip_address))} is not an IP address.") from error
    if len(draft.consent_source) > LONGEST_SOURCE or not draft.consent_source.isprintable():
        raise ImportRefused(f"The source of the consent is one line of at most {LONGEST_SOURCE} characters.")
    if len(draft.consent_wording) > LONGEST_WORDING:
        raise ImportRefused(f"What people were shown may have {LONGEST_WORDING:,} characters.")


def _by_number(draft: Import, mapping: Mapping[str, str]) -> dict[str, str]:
    """The mapping by column number, headings looked up; without the columns that are left out."""
    columns = preview(draft).columns
    numbers = {str(column.number): str(column.number) for column in columns}
    headings = {column.heading.casefold(): str(column.number) for column in columns if column.heading}
    found = {}
    for name, target in mapping.items():
        number = numbers.get(str(name)) or headings.get(str(name).strip().casefold())
        if number is None:
            there_are = ", ".join(column.heading or str(column.number) for column in columns)
            raise ImportRefused(f"There is no column {str(name)[:80]}; there are {there_are}.")
        found[number] = target
    return {number: target for number, target in found.items() if target}

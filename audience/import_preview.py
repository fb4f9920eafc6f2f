"""What an import would do, before it does it: the first rows, what the columns probably hold, and a trial run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from audience import import_status
from audience.addresses import normalise_email, normalise_phone
from audience.csv_files import Record, records
from audience.errors import InvalidAddress
from audience.fields import as_cell, of_list, suggest_key
from audience.import_rows import (
    EMAIL,
    IP_ADDRESS,
    PHONE,
    SOURCE,
    STATUS,
    SUBSCRIBED_AT,
    TAGS,
    UNSUBSCRIBED_AT,
    Refusal,
    Row,
    columns_of,
    form_of,
    in_batches,
    opened,
    read_rows,
    without_erased,
)
from audience.import_writing import Book, Counts, Standing, Tell, terms_of
from audience.models import CustomField, Import

FIRST_ROWS = 10
GUESSED_FROM = 100
TRIED = 20_000
SHOWN = 20
_SHOWN_OF_A_CELL = 1000
# Headings as `suggest_key` writes them.
_EMAILS = {
    "email_field",
    "e_mail",
    "mail",
    "email_address",
    "e_mail_address",
    "e_mail_adresse",
    "emailadresse",
    "mailadresse",
}
_EMAILS |= {"subscriber_email", "user_email", "courriel", "correo", "correo_electronico", "emailaddress"}
_PHONES = {
    "phone_field",
    "phone_number",
    "mobile",
    "mobile_number",
    "mobile_phone",
    "cell",
    "cell_phone",
    "sms",
    "msisdn",
}
_PHONES |= {"telephone", "telefon", "telefonnummer", "tel", "handy", "mobil", "mobilnummer", "whatsapp"}
_OF_SUBSCRIPTION = {
    SUBSCRIBED_AT: {"subscribed_at", "subscribed", "subscription_date", "opt_in_date", "optin_date", "opt_in_time"}
    | {"optin_time", "consent_date", "consented_at", "consent_at", "signup_date", "sign_up_date"},
    IP_ADDRESS: {"ip_address", "ip", "opt_in_ip", "optin_ip", "signup_ip", "consent_ip", "subscription_ip"},
    SOURCE: {"consent_source", "opt_in_source", "optin_source", "signup_source", "source"},
    TAGS: {"tags", "tag"},
    STATUS: {"status", "subscription_status", "subscriptionstatus", "subscriber_status", "email_status"},
    UNSUBSCRIBED_AT: {"unsubscribed_at", "unsubscription_date", "unsubscribe_date", "unsubscribe_time", "opt_out_date"}
    | {"optout_time", "unsub_time"},
}


@dataclass(frozen=True)
class Column:
    """A column of the file: its number from 0, its heading, what stands in it, and what it is taken for."""

    number: int
    heading: str
    samples: list[str]
    target: str  # as in `Import.mapping`, '' where it is left out


@dataclass(frozen=True)
class Preview:
    columns: list[Column]
    rows: list[list[str]]  # the first ones below the header, as they stand in the file


@dataclass(frozen=True)
class Change:
    """One thing that would change: what it is called, what is known, and what would be; empty is nothing."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class TriedRow:
    """What a row would do to its person: the row's number, the address, and every change."""

    number: int
    address: str
    changes: list[Change]


@dataclass
class Trial:
    """What became of the rows that were tried; `is_complete` when those were all the rows there are."""

    counts: Counts = field(default_factory=Counts)
    repeated: int = 0
    is_complete: bool = True
    refusals: list[Refusal] = field(default_factory=list)  # the first ones
    added: list[TriedRow] = field(default_factory=list)  # the first ones
    changed: list[TriedRow] = field(default_factory=list)  # the first ones


def preview(file_import: Import) -> Preview:
    """The file as its settings have it read."""
    first = _first_records(file_import, FIRST_ROWS + 1)
    body = first[1:] if file_import.has_header else first[:FIRST_ROWS]
    width = len(first[0].cells) if first else 0
    named = headings(file_import, first)
    found = [
        Column(
            number=at,
            heading=named[at] if at < len(named) else "",
            samples=[text for row in body if at < len(row.cells) and (text := row.cells[at].strip())][:3],
            target=file_import.mapping.get(str(at), ""),
        )
        for at in range(width)
    ]
    return Preview(columns=found, rows=[[cell[:_SHOWN_OF_A_CELL] for cell in row.cells] for row in body])


def headings(file_import: Import, first: Sequence[Record] | None = None) -> list[str]:
    """What the header calls the columns; nothing without a header."""
    if not file_import.has_header:
        return []
    first = _first_records(file_import, 1) if first is None else first
    return [cell.strip() for cell in first[0].cells] if first else []


def guess(file_import: Import) -> dict[str, str]:
    """What the columns probably hold, by their headings, else by what stands in them; each thing once."""
    first = _first_records(file_import, GUESSED_FROM)
    known = of_list(file_import.mailing_list)
    mapping: dict[str, str] = {}
    body = first[1:] if file_import.has_header else first
    for at, heading in enumerate(headings(file_import, first)):
        target = _by_heading(heading, known)
        if target == STATUS and not _are_statuses(_cells(body, at)):
            continue
        if target and target not in mapping.values():
            mapping[str(at)] = target
    for at in range(len(first[0].cells) if first else 0):
        target = _by_content(_cells(body, at))
        if target and str(at) not in mapping and target not in mapping.values():
            mapping[str(at)] = target
    return mapping


def _cells(body: Sequence[Record], at: int) -> list[str]:
    return [row.cells[at] for row in body if at < len(row.cells)]


def _are_statuses(cells: list[str]) -> bool:
    """A column called status may hold anything; that of a subscription holds words we know."""
    return all(import_status.is_known(cell) for cell in cells if cell.strip())


def _by_heading(heading: str, known: Mapping[str, CustomField]) -> str:
    key = suggest_key(heading)
    if key in _EMAILS:
        return EMAIL
    if key in _PHONES:
        return PHONE
    same_name = (each.key for each in known.values() if each.name.casefold() == heading.casefold())
    field = key if key in known else next(same_name, "")
    return field or next((target for target, keys in _OF_SUBSCRIPTION.items() if key in keys), "")


def _by_content(cells: list[str]) -> str:
    """An address if most cells are one. Phone numbers only as +45..., since any number looks like one otherwise."""
    filled = [cell for cell in cells if cell.strip()]
    for target, normalise in ((EMAIL, normalise_email), (PHONE, normalise_phone)):
        if sum(_passes(normalise, cell) for cell in filled) * 2 > len(filled):
            return target
    return ""


def _passes(normalise: Callable[[str], str], cell: str) -> bool:
    try:
        normalise(cell)
    except InvalidAddress:
        return False
    return True


def dry_run(file_import: Import, *, limit: int | None = TRIED, shown: int = SHOWN) -> Trial:
    """What would become of the first `limit` rows (None: of all), and of the first `shown` people of each kind one by
    one; nothing is written. Raises ImportRefused."""
    trial, seen = Trial(), set[str]()
    book = Book(terms_of(file_import), tell=_teller(file_import, trial, shown))
    with opened(file_import) as file:
        rows = read_rows(file, form_of(file_import), columns_of(file_import))
        tried = islice(rows, limit)
        for batch in in_batches(tried):
            chunk = without_erased(file_import.organization, batch)
            trial.counts += book.take(chunk)
            for row in chunk:
                if isinstance(row, Row):
                    trial.repeated += row.address in seen
                    seen.add(row.address)
                elif len(trial.refusals) < shown:
                    trial.refusals.append(row)
        trial.is_complete = next(rows, None) is None
    return trial


def _teller(file_import: Import, trial: Trial, most: int) -> Tell:
    """What puts the first people of each kind down in the trial."""
    names = {key: each.name for key, each in of_list(file_import.mailing_list).items()}
    kept = {"added": trial.added, "changed": trial.changed}

    def tell(row: Row, became: str, before: Standing, after: Standing) -> None:
        rows = kept.get(became)
        if rows is None or len(rows) >= most:
            return
        changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        changes = [Change(names.get(key, key), _cell(before.get(key)), _cell(after.get(key))) for key in changed]
        rows.append(TriedRow(row.number, row.address, changes))

    return tell


def _cell(value: object) -> str:
    return "" if value is None else str(as_cell(value))


def _first_records(file_import: Import, count: int) -> list[Record]:
    with opened(file_import) as file:
        return list(islice(records(file, form_of(file_import)), count))

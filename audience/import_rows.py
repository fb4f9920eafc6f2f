"""From the cells of a CSV file to what they say about a person, or to the reason why they say nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from django.core.files import File

from audience.addresses import normalise_email, normalise_phone
from audience.csv_files import UNREADABLE, Format, Record, records
from audience.errors import ImportRefused, InvalidAddress
from audience.fields import Value, of_list, parse
from audience.models import CustomField, Import

EMAIL, PHONE = "email", "phone"


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says; `values` are the organization's fields, `list_values` the list's. Empty cells say nothing."""

    number: int
    email: str = ""
    phone: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    list_values: dict[str, Value] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What the person is known by."""
        return self.email or self.phone


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that is left out, and why."""

    number: int
    reason: str
    cells: list[str]


@dataclass(frozen=True)
class Columns:
    """What the columns hold: column number from 0 -> `email`, `phone` or the key of one of `fields`."""

    targets: Mapping[int, str]
    fields: Mapping[str, CustomField]
    country_code: str = ""

    def read(self, record: Record, width: int) -> Row | Refusal:
        """The row, whole; a row with one wrong cell is refused, since half a row is worse than none."""
        try:
            return self._read(record, width)
        except ValueError as error:
            return Refusal(record.number, str(error), record.cells)

    def _read(self, record: Record, width: int) -> Row:
        cells = record.cells
        if record.problem:
            raise ValueError(record.problem)
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            raise ValueError(f"The row has {_columns(len(cells))}, the first row of the file has {width}.")
        said = {target: text for at, target in self.targets.items() if (text := cells[at].strip())}
        if any(UNREADABLE in text for text in said.values()):
            raise ValueError("The row holds bytes that are no letters in the encoding of the file.")
        email, phone = self._addresses(said)
        row = Row(record.number, email, phone)
        for key, text in said.items():
            self._put(row, key, text)
        return row

    def _addresses(self, said: dict[str, str]) -> tuple[str, str]:
        email, phone = said.pop(EMAIL, ""), said.pop(PHONE, "")
        if not email and not phone:
            raise ValueError("The row has neither an email address nor a phone number.")
        try:
            return email and normalise_email(email), phone and normalise_phone(phone, self.country_code)
        except InvalidAddress as error:
            raise ValueError(str(error)) from error

    def _put(self, row: Row, key: str, text: str) -> None:
        custom_field = self.fields[key]
        try:
            value = parse(custom_field, text)
        except ValueError as error:
            raise ValueError(f"{custom_field.name}: {error}") from error
        if value is not None:
            values = row.values if custom_field.mailing_list_id is None else row.list_values
            values[key] = value


def columns_of(file_import: Import) -> Columns:
    """What its columns hold. Raises ImportRefused for a mapping that does not work (any more)."""
    known = of_list(file_import.mailing_list)
    targets = {int(column): str(target) for column, target in file_import.mapping.items() if target}
    chosen = list(targets.values())
    if EMAIL not in chosen and PHONE not in chosen:
        raise ImportRefused("Say which column holds the email address, or the phone number.")
    for target in chosen:
        if target not in known and target not in (EMAIL, PHONE):
            raise ImportRefused(f"There is no field {target} on this list; choose another for its column.")
        if chosen.count(target) > 1:
            raise ImportRefused(f"Two columns are both said to hold {target}; leave one of them out.")
    return Columns(targets, known, file_import.country_code)


def form_of(file_import: Import) -> Format:
    """How its file is written."""
    return Format(encoding=file_import.encoding, delimiter=file_import.delimiter, has_header=file_import.has_header)


def opened(file_import: Import) -> "File[bytes]":
    """Its file, opened by itself: the model's field would hand out one handle to everybody who reads."""
    return file_import.file.storage.open(file_import.file.name or "", "rb")


def read_rows(file: IO[bytes], form: Format, columns: Columns) -> Iterator[Row | Refusal]:
    """Every row below the header, in order; the same file always gives the same rows."""
    width = 0
    for record in records(file, form):
        if not width:
            width = len(record.cells)
            if form.has_header:
                continue
        yield columns.read(record, width)


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"

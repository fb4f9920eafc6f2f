"""From the cells of a file to what they say about a person, or to the reason why they say nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import IO
from zoneinfo import ZoneInfo

from django.core.files import File

from accounts.models import Organization
from audience import erased, import_status
from audience.addresses import normalise_email, normalise_phone, shown
from audience.csv_files import UNREADABLE, Format, as_it_was
from audience.csv_files import rows as rows_of_file
from audience.errors import ImportRefused, InvalidAddress, InvalidTag
from audience.fields import Value, of_list, parse
from audience.models import CustomField, Erasure, Import
from audience.subscriber_tags import cleaned

EMAIL, PHONE = "email", "phone"
# What a column may hold besides an address and a custom field. The dot keeps them apart from every field's key.
SUBSCRIBED_AT, IP_ADDRESS = "subscription.subscribed_at", "subscription.ip_address"
SOURCE, TAGS = "subscription.source", "subscription.tags"
STATUS, UNSUBSCRIBED_AT = "subscription.status", "subscription.unsubscribed_at"
OF_SUBSCRIPTION = (SUBSCRIBED_AT, IP_ADDRESS, SOURCE, TAGS, STATUS, UNSUBSCRIBED_AT)
TAG_DIVIDERS = "|;,"
LONGEST_SOURCE, MOST_TAGS = 64, 50
_BATCH, _LETTERS = 1000, 10_000_000  # of rows that are held at once, with all that stands in the refused ones
_REMEMBERED = 4096  # towns and years repeat; whoever is parsed once is not parsed again


@dataclass(slots=True)
class Row:
    """What a row says; `values` are the organization's fields, `list_values` the list's. Empty cells say nothing."""

    number: int
    email: str = ""
    phone: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    list_values: dict[str, Value] = field(default_factory=dict)
    subscribed_at: datetime | None = None
    ip_address: str | None = None
    source: str = ""
    tags: tuple[str, ...] = ()
    status: str = ""  # that they left or have not confirmed; empty: as the import says for all
    unsubscribed_at: datetime | None = None

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


_NEVER = datetime.max.replace(tzinfo=UTC)
Reader = Callable[[int, list[str], str], Row | Refusal]


@dataclass(frozen=True)
class Columns:
    """What the columns hold: column number from 0 -> `email`, `phone`, one of OF_SUBSCRIPTION or the key of a field.

    `latest` is the moment after which nobody can have agreed; times without a zone are in `zone`.
    """

    targets: Mapping[int, str]
    fields: Mapping[str, CustomField]
    country_code: str = ""
    latest: datetime = _NEVER
    zone: str = "UTC"

    def reader(self, width: int) -> Reader:
        """What reads a row of a file whose first row has `width` cells: (number, cells, problem) -> Row or Refusal.

        Everything that is the same for all rows is looked up here, once. A row with one wrong cell is refused whole,
        since half a row is worse than none.
        """
        addresses = {target: at for at, target in self.targets.items() if target in (EMAIL, PHONE)}
        email_at, phone_at, country_code = addresses.get(EMAIL, -1), addresses.get(PHONE, -1), self.country_code
        steps = [self._step(at, target) for at, target in self.targets.items() if target in self.fields]
        asides = [(at, target) for at, target in self.targets.items() if target in OF_SUBSCRIPTION]

        def read(number: int, cells: list[str], problem: str) -> Row | Refusal:
            try:
                if problem or len(cells) != width:
                    _check_shape(cells, width, problem)
                email = cells[email_at].strip() if email_at >= 0 else ""
                phone = cells[phone_at].strip() if phone_at >= 0 else ""
                if not email or phone or not email.isascii():
                    email, phone = _addresses(email, phone, country_code, cells)
                else:
                    email = normalise_email(as_it_was(email))
                row = Row(number, email, phone)
                for at, key, parsed, is_of_list in steps:
                    if text := cells[at].strip():
                        value = parsed(text)
                        if value is not None:
                            (row.list_values if is_of_list else row.values)[key] = value
                for at, target in asides:
                    if text := cells[at].strip():
                        self._put(row, target, text)
            except ValueError as error:
                return Refusal(number, str(error), cells)
            except InvalidAddress as error:
                return Refusal(number, _unreadable(cells) or str(error), cells)
            return row

        return read

    def _step(self, at: int, key: str) -> tuple[int, str, Callable[[str], Value | None], bool]:
        custom_field = self.fields[key]
        parsed = lru_cache(_REMEMBERED)(partial(_parsed, custom_field))
        return at, key, parsed, custom_field.mailing_list_id is not None

    def _put(self, row: Row, target: str, text: str) -> None:
        _check_readable(text)
        text = as_it_was(text)
        if target == SUBSCRIBED_AT:
            row.subscribed_at = self._moment(text)
        elif target == UNSUBSCRIBED_AT:
            row.unsubscribed_at = self._moment(text)
        elif target == STATUS:
            row.status = import_status.read(text)
        elif target == IP_ADDRESS:
            row.ip_address = _ip_address(text)
        elif target == SOURCE:
            row.source = _line(text, LONGEST_SOURCE, "The source of the consent")
        else:
            row.tags = _tags(text)

    def _moment(self, text: str) -> datetime:
        moment = _moment(text)
        if moment is None:
            raise ValueError(f"{shown(text)} is not a date or time; write it like 2026-03-31 14:05.")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))
        if moment > self.latest:
            raise ValueError(f"{shown(text)} lies in the future; nobody can have said so then.")
        return moment


# --- one cell ----------------------------------------------------------------------------------------------------


def _check_shape(cells: list[str], width: int, problem: str) -> None:
    if problem:
        raise ValueError(problem)
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        raise ValueError(f"The row has {_columns(len(cells))}, the first row of the file has {width}.")


def _addresses(email: str, phone: str, country_code: str, cells: list[str]) -> tuple[str, str]:
    if not email and not phone:
        raise ValueError(_unreadable(cells) or "The row has neither an email address nor a phone number.")
    _check_readable(email + phone)
    return email and normalise_email(as_it_was(email)), phone and normalise_phone(phone, country_code)


def _parsed(custom_field: CustomField, text: str) -> Value | None:
    _check_readable(text)
    try:
        return parse(custom_field, as_it_was(text))
    except ValueError as error:
        raise ValueError(f"{custom_field.name}: {error}") from error


def _check_readable(text: str) -> None:
    if UNREADABLE in text:
        raise ValueError(_UNREADABLE)


_UNREADABLE = "The row holds bytes that are no letters in the encoding of the file."


def _unreadable(cells: Sequence[str]) -> str:
    """Why a row with damaged letters in it is refused, whatever else is wrong with it."""
    return _UNREADABLE if any(UNREADABLE in cell for cell in cells) else ""


def _moment(text: str) -> datetime | None:
    for form in (
        "",
        "%d.%m.%Y %H:%M:%S",
        "%d.%m.%Y %H:%M",
        "%d.%m.%Y",
        "%Y/%m/%d %H:%M:%S",
        "%Y/%m/%d %H:%M",
        "%Y/%m/%d",
    ):
        try:
            return datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - zone follows
        except ValueError:
            continue
    return None


def _ip_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not an IP address.") from error


def _tags(text: str) -> tuple[str, ...]:
    """The tags named in a cell, each once: divided by the first of `|`, `;` and `,` that stands in it."""
    divider = next((each for each in TAG_DIVIDERS if each in text), ",")
    try:
        names = cleaned(each for each in text.split(divider) if each.strip())
    except InvalidTag as error:
        raise ValueError(str(error)) from error
    if len(names) > MOST_TAGS:
        raise ValueError(f"The row has {len(names)} tags; at most {MOST_TAGS} are taken from a row.")
    return tuple(names)


def _line(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise ValueError(f"{what} is longer than {longest} characters: {shown(text, 40)}.")
    if not text.isprintable():
        raise ValueError(f"{what} holds a line break or a control character: {shown(text, 40)}.")
    return text


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"


# --- the columns and rows of an import ---------------------------------------------------------------------------


def columns_of(file_import: Import) -> Columns:
    """What its columns hold. Raises ImportRefused for a mapping that does not work (any more)."""
    known = of_list(file_import.mailing_list)
    targets = {int(column): str(target) for column, target in file_import.mapping.items() if target}
    chosen = list(targets.values())
    if EMAIL not in chosen and PHONE not in chosen:
        raise ImportRefused("Say which column holds the email address, or the phone number.")
    for target in chosen:
        if target not in known and target not in (EMAIL, PHONE, *OF_SUBSCRIPTION):
            raise ImportRefused(f"There is no field {target} on this list; choose another for its column.")
        if chosen.count(target) > 1:
            raise ImportRefused(f"Two columns are both said to hold {target}; leave one of them out.")
    return Columns(
        targets,
        known,
        file_import.country_code,
        latest=file_import.created_at + timedelta(days=1),
        zone=file_import.organization.timezone,
    )


def form_of(file_import: Import) -> Format:
    """How its file is written."""
    return Format(encoding=file_import.encoding, delimiter=file_import.delimiter, has_header=file_import.has_header)


def opened(file_import: Import) -> "File[bytes]":
    """Its file, opened by itself: the model's field would hand out one handle to everybody who reads.

    Raises ImportRefused where the file is deleted (`import_files`), or a workbook that is not converted.
    """
    if file_import.status == Import.Status.CONVERTING:
        raise ImportRefused("The workbook is still being read; wait until the import is a draft.")
    try:
        if name := file_import.file.name:
            return file_import.file.storage.open(name, "rb")
    except FileNotFoundError:
        pass
    raise ImportRefused("The uploaded file is gone; upload it again.")


def read_rows(file: IO[bytes], form: Format, columns: Columns) -> Iterator[Row | Refusal]:
    """Every row below the header, in order; the same file always gives the same rows."""
    found = rows_of_file(file, form)
    first = next(found, None)
    if first is None:
        return
    read = columns.reader(len(first[1]))
    if not form.has_header:
        yield read(*first)
    for number, cells, problem in found:
        yield read(number, cells, problem)


def in_batches(rows: Iterable[Row | Refusal]) -> Iterator[list[Row | Refusal]]:
    """At most _BATCH of them at once, and fewer where what was refused is long."""
    batch: list[Row | Refusal] = []
    letters = 0
    for row in rows:
        batch.append(row)
        letters += sum(map(len, row.cells)) if isinstance(row, Refusal) else 0
        if len(batch) >= _BATCH or letters > _LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def without_erased(organization: Organization, rows: list[Row | Refusal]) -> list[Row | Refusal]:
    """The same rows; those of people who were erased, and so are kept out, as refusals."""
    if not Erasure.objects.filter(organization=organization, keep_out=True).exists():
        return rows
    addresses = (row.address for row in rows if isinstance(row, Row))
    gone = erased.kept_out(organization, addresses)
    return [_refused(row) if isinstance(row, Row) and row.address in gone else row for row in rows]


def _refused(row: Row) -> Refusal:
    reason = "This person was erased and is kept out; only they themselves can come back, by confirming a mail."
    return Refusal(row.number, reason, [row.address])


def count_rows(file: IO[bytes], form: Format) -> int:
    """How many rows `read_rows` gives."""
    return max(sum(1 for _ in rows_of_file(file, form)) - form.has_header, 0)

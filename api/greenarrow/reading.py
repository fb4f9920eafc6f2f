"""What clients send, read as leniently as the vendor does: `"1"` is true, `"7"` is 7, "" is nothing, and what is not
known is passed over.

Problems are collected, so that the refusal names all of them at once.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from api.greenarrow import times
from api.greenarrow.errors import InvalidRequest, ValidationFailed
from audience.criteria.greenarrow.errors import InvalidDefinition
from audience.criteria.greenarrow.place import number

ValueT = TypeVar("ValueT")
TRUE = frozenset({"true", "1", "t", "yes", "on"})
FALSE = frozenset({"false", "0", "f", "no", "off"})
LARGEST = 2**31 - 1
UNKEPT = "null characters and lone surrogates are not allowed"


def document(raw: bytes) -> Any:
    """The body, whatever its content type says; None for an empty one. Raises InvalidRequest."""
    if not raw.strip():
        return None
    try:
        read = json.loads(raw.decode("utf-8-sig"))
        storable(json.dumps(read, ensure_ascii=False), r"\u0000")
    except (ValueError, RecursionError):
        raise InvalidRequest("could not parse JSON") from None
    return read


def storable(text: str, null: str = "\x00") -> str:
    """The text, if databases can keep it. Raises InvalidRequest."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(UNKEPT) from None
    if null in text:
        raise InvalidRequest(UNKEPT)
    return text


def wrapped(read: Any, *wrappers: str) -> dict[str, Any]:
    """The resource: under its wrapper, or the whole document where that is missing. Raises InvalidRequest."""
    if not isinstance(read, dict):
        raise InvalidRequest(f"{wrappers[0]} is required")
    for wrapper in wrappers:
        if wrapper in read:
            if not isinstance(read[wrapper], dict):
                raise InvalidRequest(f"{wrapper} must be an object")
            return dict(read[wrapper])
    return dict(read)


def boolean(written: Any) -> bool | None:
    """None for nothing. Raises ValueError."""
    if written is None or written == "" or isinstance(written, bool):
        return None if written == "" else written
    word = str(written).strip().lower() if isinstance(written, str | int) else ""
    if word not in TRUE | FALSE:
        raise ValueError("must be true or false")
    return word in TRUE


def integer(written: Any) -> int | None:
    """From 0 on; None for nothing. Raises ValueError."""
    if written is None or written == "":
        return None
    if isinstance(written, float) and written.is_integer() and abs(written) <= LARGEST:
        written = int(written)
    found = number(written)
    if found is None or found > LARGEST:
        raise ValueError("must be a whole number")
    return found


def text(written: Any) -> str | None:
    """Numbers are taken as text. Raises ValueError."""
    if written is None or isinstance(written, str):
        return written
    if isinstance(written, bool) or not isinstance(written, int | float):
        raise ValueError("must be text")
    return str(written)


@dataclass
class Given:
    """The keys of one resource as they were sent. A key that is there with null differs from one that is not."""

    values: Mapping[str, Any]
    zone: str = "UTC"
    now: datetime | None = None
    prefix: str = ""
    problems: list[str] = field(default_factory=list)

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def raw(self, name: str) -> Any:
        return self.values.get(name)

    def boolean(self, name: str) -> bool | None:
        return self._read(name, boolean)

    def integer(self, name: str) -> int | None:
        return self._read(name, integer)

    def text(self, name: str, *, longest: int = 0, one_line: bool = False) -> str | None:
        value = self._read(name, text)
        if value and longest and len(value) > longest:
            self.problem(name, f"is too long (maximum is {longest} characters)")
        if value and one_line and len(value.splitlines()) > 1:
            self.problem(name, "must be one line")
        return value

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        value = self.text(name)
        if value and value not in words:
            self.problem(name, f"must be one of {', '.join(words)}")
            return None
        return value or None

    def moment(self, name: str) -> datetime | None:
        try:
            return times.moment(self.values.get(name), self.zone, now=self.now or datetime.now().astimezone())
        except InvalidDefinition:
            self.problem(name, "is not a valid time")
            return None

    def object(self, name: str) -> dict[str, Any] | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            self.problem(name, "must be an object")
            return None
        return value

    def array(self, name: str) -> list[Any] | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, list):
            self.problem(name, "must be an array")
            return None
        return value

    def problem(self, name: str, message: str) -> None:
        self.problems.append(f"{self.prefix}{name} {message}")

    def below(self, values: Mapping[str, Any], prefix: str) -> "Given":
        """Of an object within; its problems are ours."""
        return Given(values, self.zone, self.now, prefix, self.problems)

    def require_valid(self) -> None:
        """Raises ValidationFailed."""
        if self.problems:
            raise ValidationFailed(", ".join(dict.fromkeys(self.problems)))

    def _read(self, name: str, read: Callable[[Any], ValueT | None]) -> ValueT | None:
        try:
            return read(self.values.get(name))
        except ValueError as error:
            self.problem(name, str(error))
            return None

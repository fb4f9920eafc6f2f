"""What a client sent, from query string and body, whatever the case of its names and however it nests them.

Octeth's dispatcher folds every name to lower case at every depth, reads PHP's brackets (`Fields[CustomField28]`,
`Tags[]`) and JSON alike, lets the body win over the query string and the last of two equal names over the first.
Text that itself is JSON (`RulesJson`) is left as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

MOST_PARAMETERS = 10_000
DEEPEST = 12
YEARS = (1970, 2999)
LONGEST_ID = 18  # digits; every number of so many fits the database's widest integer
TRUE = {"1", "true", "yes", "on"}
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_ID = re.compile(r"[0-9]+\Z", re.ASCII)


class MalformedBody(Exception):
    """The body is not what it says it is; the message says why."""


class Parameters:
    """Names in any case. A parameter whose value is empty counts as not given, as Octeth's clients expect."""

    def __init__(self, given: Mapping[str, Any] | None = None, files: Mapping[str, UploadedFile[Any]] | None = None):
        self._original = {name.lower(): value for name, value in (given or {}).items()}
        self._folded = {name: _folded(value) for name, value in self._original.items()}
        self.files = {name.lower(): file for name, file in (files or {}).items()}

    def __contains__(self, name: str) -> bool:
        """Whether it was sent at all, be it empty."""
        return name.lower() in self._folded

    def names(self) -> Iterable[str]:
        """Every name that was sent, in lower case."""
        return self._folded.keys()

    def given(self, name: str) -> bool:
        """Whether it was sent with a value; `0` is one."""
        return self._folded.get(name.lower()) not in (None, "", [], {})

    def text(self, name: str, default: str = "") -> str:
        """As text; a list or an object is not one."""
        value = self._folded.get(name.lower())
        written = _written(value)
        return written or default

    def word(self, name: str, default: str = "") -> str:
        """As text without the space around it."""
        return self.text(name).strip() or default

    def id(self, name: str) -> int | None:
        """A number of a row; None for whatever is none, also for one too large to be any row's."""
        return as_id(self._folded.get(name.lower()))

    def whole(self, name: str, default: int = 0) -> int:
        """A whole number that is not negative, or the default for what is none."""
        found = self.id(name)
        return default if found is None else found

    def flag(self, name: str, default: bool = False) -> bool:
        """`true`, `1`, `yes` and `on` in any case; anything else is false. Not sent: the default."""
        if name not in self:
            return default
        value = _written(self._folded[name.lower()])
        return value is not None and value.strip().lower() in TRUE

    def words(self, name: str) -> list[str]:
        """From a list, or text parted by commas; blanks are dropped."""
        value = self._folded.get(name.lower())
        parts = values(value) if isinstance(value, list | dict) else (_written(value) or "").split(",")
        return [word for part in parts if (word := (_written(part) or "").strip())]

    def ids(self, name: str) -> list[int]:
        """The numbers of rows among them, each once, in the order they were sent."""
        return list(dict.fromkeys(found for word in self.words(name) if (found := as_id(word)) is not None))

    def tree(self, name: str) -> Any:
        """An object or list, also where it came as JSON text; names inside it in lower case. Other text as it is.

        Text that is broken JSON comes back as the text.
        """
        value = self._folded.get(name.lower())
        if isinstance(value, str):
            parsed = parsed_text(value)
            return _folded(parsed) if isinstance(parsed, list | dict) else value
        return value

    def original(self, name: str) -> Any:
        """What was sent, with the names inside it as they were written."""
        return self._original.get(name.lower())

    def as_json_text(self, name: str) -> str:
        """JSON as text: what came as text stays as it was written, an object or a list is written out."""
        value = self.original(name)
        return json.dumps(value) if isinstance(value, list | dict) else _written(value) or ""

    def numbered(self, pattern: str) -> Iterator[tuple[int, Any]]:
        """Number and value of each name made of this word and a number, such as `CustomField28`."""
        shape = re.compile(rf"{re.escape(pattern.lower())}([0-9]{{1,{LONGEST_ID}}})\Z", re.ASCII)
        for name, value in self._folded.items():
            if found := shape.match(name):
                yield int(found[1]), value


def as_id(value: Any) -> int | None:
    text = (_written(value) or "").strip()
    return int(text) if _ID.match(text) and len(text) <= LONGEST_ID else None


def as_day(written: str) -> date | None:
    """`2025-06-15`; None for what is no day, and for one that some zone's clock cannot show."""
    try:
        found = date.fromisoformat(written) if _DAY.match(written) else None
    except ValueError:
        return None
    return found if found and YEARS[0] <= found.year <= YEARS[1] else None


def values(value: Any) -> Sequence[Any]:
    """The items of a list; PHP's brackets with numbers, `a[0]=x&a[1]=y`, make one too, in the order of the numbers."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda key: (as_id(key) is None, as_id(key) or 0))
        return [value[key] for key in ordered]
    return []


def parsed_text(text: str) -> Any:
    """What this JSON text says; None for what is no JSON."""
    try:
        return _load(text)
    except MalformedBody:
        return None


# --- reading a request -------------------------------------------------------------------------------------------


def read(request: HttpRequest) -> Parameters:
    """Everything the client sent. Raises MalformedBody."""
    given = _nested(_pairs(request.META.get("QUERY_STRING", "")))
    files: dict[str, UploadedFile[Any]] = {}
    if request.content_type == "multipart/form-data":
        sent, files = _multipart(request)
    else:
        sent = _body(request)
    names = {name.lower() for name in sent}
    merged = {name: value for name, value in given.items() if name.lower() not in names} | sent
    _require_text(merged)
    return Parameters(merged, files)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = request.body
    except (OSError, RequestDataTooBig) as error:
        raise MalformedBody("The body could not be read, or is too large.") from error
    if request.content_type == "application/json" or body.lstrip()[:1] == b"{":
        return _json_body(body)
    return _nested(_pairs(body.decode("utf-8", "replace")))


def _json_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        found = _load(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedBody("The body is not UTF-8.") from error
    if not isinstance(found, dict):
        raise MalformedBody("The body has to be a JSON object.")
    return found


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MalformedBody("The body is not valid JSON.") from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(written: str) -> float:
    """No database keeps the infinity that `1e400` would be."""
    found = float(written)
    if not isfinite(found):
        raise ValueError(written)
    return found


def _multipart(request: HttpRequest) -> tuple[dict[str, Any], dict[str, UploadedFile[Any]]]:
    try:
        pairs = [(name, value) for name, given in request.POST.lists() for value in given]
        return _nested(pairs), {name: file for name, file in request.FILES.items() if isinstance(file, UploadedFile)}
    except (MultiPartParserError, TooManyFilesSent, OSError) as error:
        raise MalformedBody("The form could not be read.") from error


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise MalformedBody("There are too many parameters.") from error


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][]=v` into objects, as PHP does; of two equal names the last counts, whatever their case."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        head, path = _path(name)
        if not path:
            _drop_other_spellings(found, head)
            found[head] = value
        else:
            _put(found, [head, *path], value)
    return found


def _path(name: str) -> tuple[str, list[str]]:
    head, bracket, _ = name.partition("[")
    rest = name[len(head) :]
    steps = _BRACKETS.findall(rest)
    if not head or not bracket or len(steps) > DEEPEST:
        return name, []
    return head, steps


def _drop_other_spellings(found: dict[str, Any], name: str) -> None:
    folded = name.lower()
    for other in [each for each in found if each != name and each.lower() == folded]:
        del found[other]


def _put(found: dict[str, Any], path: Sequence[str], value: str) -> None:
    place = found
    for step in path[:-1]:
        inner = place.get(step)
        if not isinstance(inner, dict):
            inner = place[step] = {}
        place = inner
    last = path[-1] or str(len(place))
    place[last] = value


def _require_text(value: Any, depth: int = 0) -> None:
    """Raises MalformedBody for what no database can keep: half a character pair, and the character of number zero."""
    if depth > 60:
        raise MalformedBody("The body is nested too deeply.")
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise MalformedBody("The text has characters that are not valid Unicode.")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _require_text(name, depth)
            _require_text(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _require_text(inner, depth + 1)


# --- values ------------------------------------------------------------------------------------------------------


def _written(value: Any) -> str | None:
    """A scalar as a form would have sent it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    return None


def _folded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name).lower(): _folded(inner) for name, inner in value.items()}
    return [_folded(inner) for inner in value] if isinstance(value, list) else value

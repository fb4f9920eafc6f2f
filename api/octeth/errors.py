"""Refusals, and the ten shapes in which Octeth's documents print them.

The shape belongs to the command and the dialect of the client, never to the code: a handler raises `Refused` with
codes, and `shaped` writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from accounts.models import OctethErrors

NOT_AUTHENTICATED = 99998
NOT_PERMITTED = 99999
BAD_BODY = 100000
BAD_METHOD = 100001
UNKNOWN_COMMAND = 100003
CRASHED = 100005
_NEVER_A_LIST = {NOT_AUTHENTICATED, NOT_PERMITTED}


class Refused(Exception):
    """The command cannot be done. `texts` and `names` run parallel to the codes, or are missing.

    `status` is the HTTP status where the command is one that speaks it (`Shape.ERRORS`, `Shape.BOTH`) on /api/v1.
    """

    def __init__(
        self,
        *codes: int,
        text: str = "",
        texts: Sequence[str] = (),
        names: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        status: int = 422,
    ):
        super().__init__(codes)
        self.codes = codes
        self.texts = list(texts) or ([text] if text else [])
        self.names = list(names)
        self.extra = dict(extra or {})
        self.status = status


class Shape(Enum):
    """How a command's failures are printed."""

    SCALAR = auto()  # {"ErrorCode": 3}
    MESSAGE = auto()  # {"ErrorCode": 2, "ErrorMessage": "…"}
    TEXT = auto()  # {"ErrorCode": 3, "ErrorText": "…"}
    LIST = auto()  # {"ErrorCode": [1, 2]}
    LIST_TEXTS = auto()  # {"ErrorCode": [1], "ErrorText": ["…"]}
    LIST_TEXT = auto()  # {"ErrorCode": [1], "ErrorText": "…"}
    NAMED = auto()  # {"ErrorCode": {"campaigns": 1}}
    ERRORS = auto()  # {"Errors": [{"Code": 1, "Message": "…"}]}
    BOTH = auto()  # the same, with Success and a scalar ErrorCode


_LISTS = {
    Shape.LIST: Shape.SCALAR,
    Shape.LIST_TEXTS: Shape.TEXT,
    Shape.LIST_TEXT: Shape.TEXT,
    Shape.NAMED: Shape.SCALAR,
}
_SCALARS = {Shape.SCALAR: Shape.LIST, Shape.TEXT: Shape.LIST_TEXTS}


@dataclass(frozen=True)
class Shapes:
    """A command's shape in the current documents and in those of 5.6, where they differ."""

    current: Shape = Shape.SCALAR
    old: Shape | None = field(default=None)

    def for_dialect(self, dialect: str) -> Shape:
        """`dialect` is one of OctethErrors but AUTO, which has to be resolved before."""
        match dialect:
            case OctethErrors.OLD:
                return self.old or self.current
            case OctethErrors.SCALAR:
                return _LISTS.get(self.current, self.current)
            case OctethErrors.ARRAY:
                return _SCALARS.get(self.current, self.current)
        return self.current


def shaped(refusal: Refused, shape: Shape) -> dict[str, Any]:
    """The body of the answer."""
    codes = list(refusal.codes)
    if codes[0] in _NEVER_A_LIST:
        shape = Shape.TEXT
    if shape is Shape.ERRORS:
        return {"Errors": _items(refusal), **refusal.extra}
    body: dict[str, Any] = {"Success": False, "ErrorCode": _code(refusal, shape)}
    texts = refusal.texts
    if shape is Shape.BOTH:
        body["Errors"] = _items(refusal)
    elif shape is Shape.MESSAGE and texts:
        body["ErrorMessage"] = texts[0]
    elif texts and shape in (Shape.TEXT, Shape.LIST_TEXT):
        body["ErrorText"] = texts[0]
    elif texts and shape is Shape.LIST_TEXTS:
        body["ErrorText"] = texts
    return body | refusal.extra


def _code(refusal: Refused, shape: Shape) -> Any:
    if shape in (Shape.LIST, Shape.LIST_TEXTS, Shape.LIST_TEXT):
        return list(refusal.codes)
    if shape is Shape.NAMED and refusal.names:
        return dict(zip(refusal.names, refusal.codes, strict=False))
    return refusal.codes[0]


def _items(refusal: Refused) -> list[dict[str, Any]]:
    texts = refusal.texts + [""] * (len(refusal.codes) - len(refusal.texts))
    return [{"Code": code, "Message": text} for code, text in zip(refusal.codes, texts, strict=False)]

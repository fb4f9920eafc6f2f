"""Opaque ids shown to programs: a prefix that names the kind, then 20 random characters (`cmp_x7f...`)."""

import secrets
import string
from functools import partial
from typing import Any

from django.db import models

ALPHABET = string.ascii_lowercase + string.digits
RANDOM_CHARACTERS = 20


# A byte below 252 picks each of the 36 letters equally often; an import makes a million ids, so one call per id.
_LETTERS = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNEVEN = bytes(range(256 - 256 % len(ALPHABET), 256))


def new_public_id(prefix: str) -> str:
    letters = b""
    while len(letters) < RANDOM_CHARACTERS:
        letters += secrets.token_bytes(RANDOM_CHARACTERS + 4).translate(_LETTERS, delete=_UNEVEN)
    return f"{prefix}_{letters[:RANDOM_CHARACTERS].decode()}"


class PublicIdField(models.CharField[str, str]):
    """A unique, never edited id such as `cmp_4kq0...`; integer primary keys stay inside (and in the vendor APIs)."""

    def __init__(self, prefix: str, **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs["max_length"] = len(prefix) + 1 + RANDOM_CHARACTERS
        kwargs["unique"] = True
        kwargs["editable"] = False
        kwargs["default"] = partial(new_public_id, prefix)
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "unique", "editable", "default"):
            kwargs.pop(fixed, None)
        return name, path, [self.prefix, *args], kwargs

"""The custom fields there are, for languages that call them by their name or number and not by our key."""

import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import NamedTuple


class KnownField(NamedTuple):
    """`id` is the field's number, `key` what its values are kept by, `name` what people call it."""

    id: int
    key: str
    name: str


# Not a custom field, but one of the person's that no language of others has a tag for.
BUILT_IN = (KnownField(0, "phone", "Phone"),)


class KnownFields:
    """Finds a field's key. Fields of several lists may share a key, and then mean the same."""

    def __init__(self, fields: Iterable[KnownField]) -> None:
        self.fields = (*fields, *BUILT_IN)

    @cached_property
    def keys(self) -> set[str]:
        return {field.key for field in self.fields}

    @cached_property
    def _by_id(self) -> dict[int, str]:
        return {field.id: field.key for field in self.fields}

    @cached_property
    def _by_name(self) -> dict[str, str]:
        names = {_folded(field.name): field.key for field in reversed(self.fields)}
        return names | {_folded(field.key): field.key for field in self.fields}

    @cached_property
    def _by_alias(self) -> dict[str, str]:
        return {name: field.key for field in reversed(self.fields) for name in (alias(field.key), field.key)}

    @cached_property
    def _by_letters(self) -> dict[str, str]:
        return {_letters(field.key): field.key for field in reversed(self.fields)}

    def by_id(self, number: int) -> str | None:
        return self._by_id.get(number)

    def by_name(self, name: str) -> str | None:
        """The key, or the name in any case, with blanks or underscores between its words."""
        return self._by_name.get(_folded(name))

    @property
    def aliases(self) -> set[str]:
        return {alias(field.key) for field in self.fields}

    def by_alias(self, name: str) -> str | None:
        """As Octeth's authors write it: `FirstName` for `first_name`, and `ZIPCode` or `ZIP_Code` for `zipcode`; the
        key itself will do. What is all small letters is a key or nothing."""
        return self._by_alias.get(name) or (self._by_letters.get(_letters(name)) if name != name.lower() else None)

    def used(self, keys: Iterable[str]) -> "list[KnownField]":
        """Those whose values these are, to be kept with a content."""
        wanted = {*keys}
        return [field for field in self.fields if field.key in wanted]


@lru_cache(maxsize=64)
def known_fields(fields: tuple[tuple[int, str, str], ...]) -> KnownFields:
    """The same for the same fields: building it takes longer than a look-up."""
    return KnownFields(map(KnownField._make, fields))


def alias(key: str) -> str:
    """`FirstName` for the key `first_name`."""
    return "".join(word[:1].upper() + word[1:] for word in key.split("_"))


def _letters(name: str) -> str:
    return name.replace("_", "").lower()


def _folded(name: str) -> str:
    return re.sub(r"[\s_]+", " ", name).strip().casefold()

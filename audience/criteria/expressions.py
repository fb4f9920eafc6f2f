"""Pieces of SQL that rules are made of, written for both databases."""

import ipaddress
import re
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Exists, FloatField, Func, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler


class NotTrue(Func):
    """Holds wherever a condition does not, also where it is unknown; a plain NOT leaves out people without a value."""

    template = "(%(expressions)s) IS NOT TRUE"
    output_field = BooleanField()

    def __init__(self, condition: Q) -> None:
        super().__init__(condition)

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **extra: Any
    ) -> tuple[str, Any]:
        condition: Any = self.get_source_expressions()[0]
        try:
            sql, parameters = compiler.compile(condition)
        except EmptyResultSet:
            raise FullResultSet from None
        except FullResultSet:
            raise EmptyResultSet from None
        return f"({sql}) IS NOT TRUE", parameters


def negation(condition: Q) -> Q:
    """True wherever `condition` is not, also where it is unknown."""
    if len(condition.children) == 1 and not condition.negated and isinstance(condition.children[0], Exists):
        return ~condition  # is never unknown, and NOT EXISTS is an anti-join to a planner
    return Q(NotTrue(condition))


_FINAL_SIGMA, _SIGMA, _CAPITAL_SIGMA = "\u03c2", "\u03c3", "\u03a3"
_SIGMAS = f"'{_FINAL_SIGMA}', '{_SIGMA}'"


class Folded(Func):
    """Text without the difference between capital and small letters, of every script in both databases.

    One letter for one letter, as PostgreSQL has it: a capital sigma does not know whether it ends a word, so both small
    ones are the same, and the Turkish dotted I is an i. SQLite's own LOWER knows ASCII only; `audience.apps` gives it
    `lower`.
    """

    function = "LOWER"
    output_field = TextField()

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=f"TRANSLATE(LOWER(%(expressions)s), {_SIGMAS})", **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="broadsheet_lower", **extra)


class Lowered(Folded):
    """The same where no sigma is looked for: PostgreSQL is spared half the work."""

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, **extra)


def folded(column: Any, *sought: str) -> Folded:
    """The column, as it is compared with these texts; with none, as it is put in order."""
    has_sigma = not sought or any({_FINAL_SIGMA, _SIGMA, _CAPITAL_SIGMA} & set(text) for text in sought)
    return Folded(column) if has_sigma else Lowered(column)


def folded_value(text: str) -> Folded:
    return Folded(Value(text, output_field=TextField()))


class Sorted(Func):
    """Text as it is put in order by rules: by the numbers of its letters, whatever the database's language is."""

    template = '(%(expressions)s) COLLATE "C"'
    output_field = TextField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="(%(expressions)s) COLLATE BINARY", **extra)


# What counts as a number where it stands in a text. No power of ten, which could be larger than any number there is.
NUMBER_IN_TEXT = r"^[+-]?([0-9]{1,15}([.][0-9]{0,15})?|[.][0-9]{1,15})$"
_NUMBER = re.compile(NUMBER_IN_TEXT[1:-1])


class TextNumber(Func):
    """The number a text is, or NULL."""

    arity = 1
    output_field = FloatField()
    function = "broadsheet_number"

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        text, parameters = compiler.compile(self.get_source_expressions()[0])
        sql = f"CASE WHEN {text} ~ '{NUMBER_IN_TEXT}' THEN ({text})::double precision END"
        return sql, [*parameters, *parameters]


class InNetwork(Func):
    """Whether an address is in a network written as `10.0.0.0/8`."""

    output_field = BooleanField()
    function = "broadsheet_in_network"

    def __init__(self, address: Combinable, network: str) -> None:
        super().__init__(address, Value(network))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        address, parameters = compiler.compile(self.get_source_expressions()[0])
        network: Any = self.get_source_expressions()[1]
        return f"{address} <<= %s::inet", [*parameters, network.value]


PRIME = 2**31 - 1  # the product of two numbers below it fits into 64 bits


class Drawn(Func):
    """A number below PRIME that looks drawn by lot, the same for the same key and numbers in both databases.

    `(((key % p) * a + b) % p)² % p` mixed once more: squares modulo a prime are spread evenly, and two draws with
    other numbers have nothing to do with each other.
    """

    output_field = FloatField()

    def __init__(self, key: Combinable, numbers: tuple[int, int, int, int]) -> None:
        self.numbers = numbers
        super().__init__(key)

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **extra: Any
    ) -> tuple[str, Any]:
        key, parameters = compiler.compile(self.get_source_expressions()[0])
        a, b, c, d = self.numbers
        mixed = f"((({key} %% {PRIME}) * {a}::bigint + {b}) %% {PRIME})"
        sql = f"((({mixed} * {mixed}) %% {PRIME}) * {c}::bigint + {d}) %% {PRIME}"
        sql = sql if connection.vendor == "postgresql" else sql.replace("::bigint", "")
        return sql, [*parameters, *parameters]


# --- what SQLite is taught (audience.apps) -----------------------------------------------------------------------


def lower(text: str | None) -> str | None:
    return None if text is None else text.replace("İ", "i").lower().replace(_FINAL_SIGMA, _SIGMA)


def is_in_network(address: str | None, network: str) -> bool | None:
    return None if address is None else ipaddress.ip_address(address) in ipaddress.ip_network(network)


def number_in(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None

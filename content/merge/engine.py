"""The template engine behind the language: minijinja, with nothing of its own left but the grammar and the operators.

minijinja's fuel bounds the steps of a rendering but not its memory; `content.merge.trial` is the guard for that.
"""

import html
from collections.abc import Callable, Mapping
from typing import Any

from minijinja import Environment, TemplateError

from content.errors import BrokenTemplate
from content.merge.filters import TooLarge, range_
from content.merge.markup_values import RAW, written_out
from content.merge.values import text_of
from content.merge.vocabulary import ALL_FILTERS

# One step is about one operator, field or written value; a mail of 500 merge tags takes a few thousand. Together with
# MAX_LOOP_LENGTH, MAX_RESULT_LENGTH and MAX_RANGE this keeps even a spiteful template below half a gigabyte.
FUEL = 20_000
MAX_OUTPUT_LENGTH = 2_000_000

# Delimiters of programs: control characters, which no literal holds (values.cleaned), so that a literal is never
# mistaken for a tag, whatever braces it has.
VALUE_START, VALUE_END = "\x02{", "}\x03"
BLOCK_START, BLOCK_END = "\x02%", "%\x03"

Escape = Callable[[str], str]


def as_is(text: str) -> str:
    return text


def escaped(text: str) -> str:
    """For HTML text and quoted attributes."""
    if RAW in text:
        return written_out(text)
    return html.escape(text, quote=True)


def environment(escape: Escape = as_is) -> Environment:
    """An engine that has our filters and `range`, and writes every value through `text_of` and `escape`."""

    def written(value: Any) -> str:
        return escape(text_of(value))

    engine = Environment(
        block_start_string=BLOCK_START,
        block_end_string=BLOCK_END,
        variable_start_string=VALUE_START,
        variable_end_string=VALUE_END,
        comment_start_string="\x02#",
        comment_end_string="#\x03",
        keep_trailing_newline=True,
        pycompat=False,
        debug=False,
        fuel=FUEL,
        finalizer=written,
        filters=ALL_FILTERS,
    )
    for name in list(engine.globals):
        engine.remove_global(name)
    engine.add_global("range", range_)
    return engine


class Program:
    """A source with logic, parsed once."""

    def __init__(self, source: str, *, escape: Escape = as_is, functions: Mapping[str, Any] | None = None) -> None:
        """Raises BrokenTemplate. `functions` are for tags that the compiler wrote, not for authors."""
        self._engine = environment(escape)
        for name, function in (functions or {}).items():
            self._engine.add_global(name, function)
        try:
            self._engine.add_template("program", source)
        except TemplateError as problem:
            raise BrokenTemplate(_in_plain_words(problem), line=problem.line) from problem

    def render(self, context: Mapping[str, Any]) -> str:
        """Raises BrokenTemplate when the logic fails for these values."""
        try:
            text: str = self._engine.render_template("program", **context)
        except TemplateError as problem:
            raise BrokenTemplate(_in_plain_words(problem), line=problem.line) from problem
        except (TooLarge, TypeError) as problem:  # from our filters: too much text, or arguments they do not have
            raise BrokenTemplate(f"A filter cannot do this: {problem}") from problem
        if len(text) > MAX_OUTPUT_LENGTH:
            raise BrokenTemplate(f"This makes more than {MAX_OUTPUT_LENGTH:,} characters.")
        return text


def evaluated(literal: str) -> Any:
    """The value of a literal as the engine reads it."""
    return environment().eval_expr(literal)


def fields_in(source: str) -> set[str]:
    """The names that a program takes from outside."""
    names: set[str] = environment().undeclared_variables_in_str(source)
    return names - {"range"}


def _in_plain_words(problem: TemplateError) -> str:
    detail = (problem.detail or "").replace("end of variable block", "}}").replace("end of block", "%}")
    match problem.kind:
        case "SyntaxError":
            return f"This merge tag cannot be understood: {detail}."
        case "OutOfFuel":
            return "This takes too many steps; make the loops shorter."
        case "InvalidOperation" if "operator" in detail:
            return (
                f"The logic fails for some values ({detail}); give the field a default or make it a number first, "
                "as in {{ points|default(0) + 1 }}."
            )
        case _:
            return f"The logic fails for some values: {detail or problem.kind}."

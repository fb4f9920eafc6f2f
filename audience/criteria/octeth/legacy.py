"""The older ways of writing the same rules: parallel columns of a form, and one text with separators."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from audience.criteria.octeth import grammar
from audience.criteria.octeth.errors import NoRules, NotJson
from audience.criteria.tree import Group
from audience.models import MailingList

_BETWEEN_RULES = ",,,"
_BETWEEN_GROUPS = ",::,"
_RULE = re.compile(r"\[\[(?P<field>.*?)\]\|\|\[(?P<operator>.*?)\]\|\|\[(?P<filter>.*)\]\]", re.S)


def parse_columns(
    fields: Sequence[str],
    operators: Sequence[str],
    filters: Sequence[str],
    *,
    operator: object,
    mailing_list: MailingList,
) -> Group:
    """`SegmentRuleField[]`, `SegmentRuleOperator[]` and `SegmentRuleFilter[]`: joined by `operator`.

    Raises NotJson where one column is longer than another, and NoRules where they are empty.
    """
    if not len(fields) == len(operators) == len(filters):
        raise NotJson("Each rule has a field, an operator and a filter.")
    if not fields:
        raise NoRules("There is no rule in it.")
    written = [_written(*each) for each in zip(fields, operators, filters, strict=True)]
    return grammar.parse(written, operator=operator, mailing_list=mailing_list)


def parse_text(text: str, *, operator: object, mailing_list: MailingList) -> Group:
    """`[[Field]||[Operator]||[Filter]]`, joined by `,,,`; groups of these are joined by `,::,`.

    Without groups, `operator` joins the rules; with groups it joins these, and its opposite the rules inside. Raises
    NotJson for anything else.
    """
    groups = [[_read(rule) for rule in group.split(_BETWEEN_RULES)] for group in text.split(_BETWEEN_GROUPS)]
    written: list[Any] = groups if len(groups) > 1 else groups[0]
    return grammar.parse(written, operator=operator, mailing_list=mailing_list)


def written_as_text(written: Iterable[tuple[str, str, str]]) -> str:
    """Rules as the text `parse_text` reads: field, operator and filter of each."""
    return _BETWEEN_RULES.join(f"[[{field}]||[{operator}]||[{value}]]" for field, operator, value in written)


def _read(rule: str) -> dict[str, Any]:
    found = _RULE.fullmatch(rule.strip())
    if found is None:
        raise NotJson("Rules are written as [[Field]||[Operator]||[Filter]], joined by ,,,")
    return _written(found["field"], found["operator"], found["filter"])


def _written(field: object, operator: object, value: object) -> dict[str, Any]:
    return {"type": "fields", "field_id": field, "operator": operator, "value": value}

"""Octeth's rules, RulesJson and RulesJsonBundle, read into the one tree.

    [[{"type": "fields", "field_id": "EmailAddress", "operator": "contains", "value": "@a."}, {…}], [{…}]]

Its numbers are our primary keys. What cannot be read at all is refused (`octeth.errors`); one rule that cannot be
answered, such as one about a field that is gone, holds for nobody and says why, and the others stand.
"""

from audience.criteria.octeth.bundles import Bundle, parse_bundle
from audience.criteria.octeth.grammar import parse
from audience.criteria.octeth.legacy import parse_columns, parse_text, written_as_text

__all__ = ["Bundle", "parse", "parse_bundle", "parse_columns", "parse_text", "written_as_text"]

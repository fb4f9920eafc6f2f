"""Conditions: rules as an expression, in a part of the Common Expression Language (github.com/google/cel-spec).

    user.fields["town"] == "Ulm" && !(user.email.endsWith("@example.com") || user.clicked("cmp_…"))

`parse` reads one into the tree, `written` writes a tree as one where that can be said.
"""

from audience.criteria.cel.errors import InvalidExpression
from audience.criteria.cel.parsing import parse
from audience.criteria.cel.printing import name_of, written

__all__ = ["InvalidExpression", "name_of", "parse", "written"]

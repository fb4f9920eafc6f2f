"""The one way from rules to SQL."""

from typing import Any

from django.db.models import Q

from audience.criteria.scope import Scope
from audience.errors import InvalidRules

# True of no row and of every row, and still conditions: Django drops an empty Q from an OR, which turns "everybody"
# into "nobody else", and refuses to write a statement around an empty IN.
NOBODY = Q(pk__lt=0)
EVERYBODY = Q(pk__gt=0)


def compile_rules(rules: dict[str, Any], scope: Scope) -> Q:
    """The condition for these rules in this scope; without rules it holds for everybody. Raises InvalidRules."""
    if not rules:
        return EVERYBODY
    raise InvalidRules("These rules cannot be understood.")

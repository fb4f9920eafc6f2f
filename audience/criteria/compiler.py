"""The one way from a rule tree to SQL, and to English."""

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Q

from audience.criteria.operators import negation
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, from_json
from audience.criteria.vocabulary import Vocabulary

# True of no row and of every row, and still conditions: Django drops an empty Q from an OR, which turns "everybody"
# into "nobody else", and refuses to write a statement around an empty IN.
NOBODY = Q(pk__lt=0)
EVERYBODY = Q(pk__gt=0)


def compile_rules(rules: Mapping[str, Any], scope: Scope) -> Q:
    """The condition for rules in their JSON form. Raises InvalidRules."""
    return compile_tree(from_json(rules), scope)


def compile_tree(tree: Group, scope: Scope) -> Q:
    """The condition on the scope's model; without rules it holds for everybody. Raises InvalidRules."""
    return _compile(tree, Vocabulary(scope))


def _compile(node: Condition | Group, vocabulary: Vocabulary) -> Q:
    if isinstance(node, Condition):
        return vocabulary.subject(node.field).condition(node.operator, node.value)
    parts = [_compile(rule, vocabulary) for rule in node.rules]
    if node.match == Match.ALL:
        return reduce(and_, parts, Q()) or EVERYBODY
    one_of_them = reduce(or_, parts, Q()) or NOBODY
    return negation(one_of_them) if node.match == Match.NOT else one_of_them


def sentence(tree: Group, scope: Scope) -> str:
    """The tree in English, to be read after "people where"; '' without rules. Raises InvalidRules."""
    return _say(tree, Vocabulary(scope), outermost=True)


def _say(node: Condition | Group, vocabulary: Vocabulary, *, outermost: bool = False) -> str:
    if isinstance(node, Condition):
        return vocabulary.subject(node.field).words(node.operator, node.value)
    joint = " and " if node.match == Match.ALL else " or "
    said = joint.join(_say(rule, vocabulary) for rule in node.rules)
    if node.match == Match.NOT:
        return f"not ({said})"
    return said if outermost or len(node.rules) == 1 else f"({said})"

"""The one way from a rule tree to SQL, and to English."""

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Exists, Q

from audience.criteria.expressions import negation
from audience.criteria.scope import Scope
from audience.criteria.subjects import EVERYBODY, NOBODY
from audience.criteria.tree import Condition, Group, Match, conditions, from_json
from audience.criteria.vocabulary import Vocabulary
from audience.errors import Unanswerable

__all__ = ["EVERYBODY", "NOBODY", "compile_rules", "compile_tree", "compile_within", "sentence"]


def compile_rules(rules: Mapping[str, Any], scope: Scope) -> Q:
    """The condition for rules in their JSON form. Raises InvalidRules."""
    return compile_tree(from_json(rules), scope)


def compile_tree(tree: Group, scope: Scope) -> Q:
    """The condition on the scope's model; without rules it holds for everybody. Raises InvalidRules."""
    return compile_within(tree, Vocabulary(scope))


def compile_within(tree: Group, vocabulary: Vocabulary) -> Q:
    """The same for rules that stand in others, such as those of a segment a rule names. Raises InvalidRules."""
    vocabulary.known.count(sum(1 for _ in conditions(tree)))
    return _compile(tree, vocabulary)


def _compile(node: Condition | Group, vocabulary: Vocabulary) -> Q:
    if isinstance(node, Condition):
        return _asked(node, vocabulary)
    return _compile_on(node, vocabulary) if node.on else _compile_group(node, vocabulary)


def _asked(node: Condition, vocabulary: Vocabulary) -> Q:
    """What cannot be answered selects nobody: under a "not" it is therefore taken to hold."""
    try:
        return vocabulary.subject(node.field).condition(node.operator, node.value)
    except Unanswerable:
        return EVERYBODY if vocabulary.scope.negated else NOBODY


def _compile_group(node: Group, vocabulary: Vocabulary) -> Q:
    inside = vocabulary.opposite if node.match == Match.NOT else vocabulary
    parts = [_compile(rule, inside) for rule in node.rules]
    if node.match == Match.ALL:
        return reduce(and_, parts, Q()) or EVERYBODY
    one_of_them = reduce(or_, parts, Q()) or NOBODY
    return negation(one_of_them) if node.match == Match.NOT else one_of_them


def _compile_on(node: Group, vocabulary: Vocabulary) -> Q:
    """Some subscription to the list, which is the row looked at where rules look at rows of that list only."""
    mailing_list, on_row = vocabulary.on(node.on)
    scope = vocabulary.scope
    holds = _compile_group(node, on_row) if node.rules else Q()
    if scope.row == "" and scope.mailing_lists == (mailing_list.pk,):
        return holds or EVERYBODY
    return Q(Exists(vocabulary.rows().filter(holds, mailing_list=mailing_list)))


def sentence(tree: Group, scope: Scope) -> str:
    """The tree in English, to be read after "people where"; '' without rules. Raises InvalidRules."""
    return say(tree, Vocabulary(scope), outermost=True)


def say(node: Condition | Group, vocabulary: Vocabulary, *, outermost: bool = False) -> str:
    """A part of a tree in English. Raises InvalidRules."""
    if isinstance(node, Condition):
        return vocabulary.subject(node.field).words(node.operator, node.value)
    if node.on:
        return _say_on(node, vocabulary)
    joint = " and " if node.match == Match.ALL else " or "
    said = joint.join(say(rule, vocabulary) for rule in node.rules)
    if node.match == Match.NOT:
        return f"not ({said})"
    return said if outermost or len(node.rules) == 1 else f"({said})"


def _say_on(node: Group, vocabulary: Vocabulary) -> str:
    mailing_list, on_row = vocabulary.on(node.on)
    if not node.rules:
        return f"on {mailing_list}"
    said = say(Group(node.match, node.rules), on_row, outermost=True)
    return f"on {mailing_list} with ({said})"

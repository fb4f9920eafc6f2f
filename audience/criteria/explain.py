"""Why rules hold for one person or not, rule by rule."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from audience.criteria.compiler import say
from audience.criteria.in_segment import InSegment
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match
from audience.criteria.vocabulary import Vocabulary
from audience.errors import Unanswerable
from audience.models import Subscriber, Subscription


@dataclass(frozen=True)
class Explained:
    """A rule or a group with its English, whether it holds, and the same of what is in it.

    What cannot be answered does not hold, and is told apart: a `not` around it does not hold either.
    """

    node: Condition | Group
    sentence: str
    holds: bool
    parts: tuple["Explained", ...] = ()
    is_unanswerable: bool = False


def explain(tree: Group, person: Subscriber, scope: Scope, *, row: Subscription | None = None) -> Explained:
    """The tree with the answers for this person; one look-up by key for each condition. Raises InvalidRules.

    `row` is the subscription looked at, for a scope of rows; without it such rules hold for nobody.
    """
    place = _Place(person=person, row=row if scope.row is not None else None)
    return _explain(tree, Vocabulary(scope), place)


@dataclass(frozen=True)
class _Place:
    """Whom a rule looks at: the person, or one of their subscriptions."""

    person: Subscriber
    row: Subscription | None

    def answer(self, holds: Q, scope: Scope) -> bool:
        if scope.row is None and not scope.person:
            return Subscriber.objects.filter(holds, pk=self.person.pk).exists()
        rows = Subscription.objects.filter(holds, subscriber=self.person.pk)
        if scope.row is None:
            return rows.exists()
        return self.row is not None and rows.filter(pk=self.row.pk).exists()


def _explain(node: Condition | Group, vocabulary: Vocabulary, place: _Place) -> Explained:
    if isinstance(node, Condition):
        return _told(node, vocabulary, _asked(node, vocabulary, place))
    inside, at = (vocabulary, place) if not node.on else _on(node.on, vocabulary, place)
    parts = tuple(_explain(rule, inside, at) for rule in node.rules)
    is_on = not node.on or at.row is not None
    holds = _together(node.match, parts) if is_on and parts else is_on
    return _told(node, vocabulary, holds, parts)


def _on(public_id: str, vocabulary: Vocabulary, place: _Place) -> tuple[Vocabulary, _Place]:
    mailing_list, on_row = vocabulary.on(public_id)
    row = Subscription.objects.filter(mailing_list=mailing_list, subscriber=place.person.pk).first()
    return on_row, _Place(person=place.person, row=row)


def _asked(node: Condition, vocabulary: Vocabulary, place: _Place) -> bool | None:
    """None where there is no answer."""
    subject = vocabulary.subject(node.field)
    at_least = _answer(subject, node, vocabulary.scope, place)
    if not isinstance(subject, InSegment):
        return at_least
    # an unanswerable rule in that segment may or may not matter: it does where the answer hangs on it
    opposite = vocabulary.opposite
    at_most = _answer(opposite.subject(node.field), node, opposite.scope, place)
    return at_least if at_least == at_most else None


def _answer(subject: Any, node: Condition, scope: Scope, place: _Place) -> bool | None:
    try:
        return place.answer(subject.condition(node.operator, node.value), scope)
    except Unanswerable:
        return None


def _together(match: Match, parts: tuple[Explained, ...]) -> bool | None:
    answers = [None if part.is_unanswerable else part.holds for part in parts]
    if match == Match.ALL:
        return False if False in answers else None if None in answers else True
    any_holds = True if True in answers else None if None in answers else False
    if match == Match.ANY:
        return any_holds
    return None if any_holds is None else not any_holds


def _told(
    node: Condition | Group, vocabulary: Vocabulary, holds: bool | None, parts: tuple[Explained, ...] = ()
) -> Explained:
    said = say(node, vocabulary, outermost=True) or "everybody"
    return Explained(node, said, holds is True, parts, is_unanswerable=holds is None)

"""Being in another segment, as a rule."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, Q

from audience.criteria.expressions import negation
from audience.criteria.known import TooLarge
from audience.criteria.subjects import wanted
from audience.criteria.tree import Json, from_json
from audience.errors import InvalidRules, Unanswerable
from audience.models import Segment

if TYPE_CHECKING:
    from audience.criteria.vocabulary import Vocabulary

DEEPEST = 5


@dataclass(frozen=True)
class InSegment:
    """Whether the person is in the segment: through one of their subscriptions, where it names lists."""

    segment: Segment
    vocabulary: "Vocabulary"
    kind: str = "boolean"
    operators: tuple[str, ...] = ("is", "is_not")

    @property
    def name(self) -> str:
        return f"segment.{self.segment.public_id}"

    @property
    def label(self) -> str:
        return f"In the segment {self.segment}"

    def condition(self, operator: str, value: Json) -> Q:
        """Raises InvalidRules, and Unanswerable for segments that name each other, or that are broken."""
        inside = wanted(self, operator, value)
        if problem := self._problem:
            raise Unanswerable(problem)
        try:
            holds = self._holds(self.vocabulary if inside else self.vocabulary.opposite)
        except TooLarge:
            raise
        except InvalidRules as error:
            raise Unanswerable(f"the rules of {self.segment} cannot be understood: {error}") from error
        return holds if inside else negation(holds)

    def words(self, operator: str, value: Json) -> str:
        inside = wanted(self, operator, value)
        said = f"{'in' if inside else 'not in'} the segment “{self.segment}”"
        return f"{said}: nobody ({self._problem})" if self._problem else said

    def _holds(self, outside: "Vocabulary") -> Q:
        from audience.criteria.compiler import compile_within  # which compiles the rule this is part of

        lists = tuple(each.pk for each in self.segment.mailing_lists.all())
        inside = outside.within(self.segment.pk, lists)
        rules = compile_within(from_json(self.segment.rules), inside)
        if not lists:
            return rules
        return Q(Exists(outside.rows().filter(rules, mailing_list__in=lists)))

    @property
    def _problem(self) -> str:
        scope = self.vocabulary.scope
        if self.segment.pk in (scope.segment, *scope.segments):
            return f"{self.segment} is asked for by its own rules"
        if len(scope.segments) >= DEEPEST:
            return f"segments that name segments are followed {DEEPEST} deep"
        return ""

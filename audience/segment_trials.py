"""Rules that are being written, tried before anything is stored: who they mean, and which of them is wrong."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accounts.models import Organization
from audience import segments
from audience.criteria import compiler
from audience.criteria.scope import Scope
from audience.criteria.tree import from_json
from audience.errors import InvalidRules
from audience.models import MailingList, Subscriber

SAMPLED = 20
TOLD = 20  # of problems
ANYTHING = {"field": "email", "operator": "is_not_empty"}  # stands in for a group's rules while the group is looked at
Path = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """`path` leads to the rule: the place of each group in the one around it, from 0; () is the whole."""

    path: Path
    message: str

    def __str__(self) -> str:
        place = ".".join(str(number + 1) for number in self.path)
        return f"Rule {place}: {self.message}" if place else self.message


@dataclass(frozen=True)
class Trial:
    """`rules` in JSON as they were typed, over these lists; without lists, over everybody in the organization."""

    organization: Organization
    rules: Any
    lists: tuple[MailingList, ...] = ()

    @classmethod
    def of_text(cls, organization: Organization, text: str, lists: tuple[MailingList, ...]) -> "Trial":
        """Raises InvalidRules."""
        try:
            return cls(organization, json.loads(text or "{}"), lists)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InvalidRules(f"This is not JSON: {error}") from error

    @cached_property
    def scope(self) -> Scope:
        ids = tuple(each.pk for each in self.lists)
        return Scope.of_rows(self.organization, ids) if ids else Scope.of_people(self.organization)

    # --- who

    def count(self) -> int:
        """Raises InvalidRules and TooSlow."""
        return segments.count(self.rules, self.lists, self.organization)

    def sample(self, size: int = SAMPLED) -> list[Subscriber]:
        """Some of them. Raises InvalidRules and TooSlow."""
        return segments.sample(self.rules, self.lists, self.organization, size)

    @property
    def sentence(self) -> str:
        """Raises InvalidRules."""
        return segments.sentence_over(self.rules, self.lists, self.scope)

    @property
    def why_nobody(self) -> str:
        """For rules that hold for nobody: which of them alone does already. Raises InvalidRules and TooSlow."""
        if not self._holds({}):
            return "Nobody is on these lists yet." if self.lists else "Nobody is in the organization yet."
        tree = from_json(self.rules)
        if str(tree.match) != "all" or len(tree.rules) < 2:
            return "The rules hold for none of them."
        for number, rule in enumerate(self.rules["rules"], start=1):
            alone = {"match": "all", "rules": [rule]}
            if not self._holds(alone):
                return f"Rule {number} alone holds for nobody: {compiler.sentence(from_json(alone), self.scope)}."
        return "Each rule alone holds for somebody, but they never hold together."

    def _holds(self, rules: Any) -> bool:
        return bool(segments.sample(rules, self.lists, self.organization, size=1))

    # --- what is wrong

    @property
    def problems(self) -> list[Problem]:
        """Rules that cannot be understood, each with its place; none of a tree that can be compiled."""
        if not (whole := self._refused(self.rules)):
            return []
        found = [problem for problem, _ in zip(self._problems(self.rules, (), ()), range(TOLD), strict=False)]
        return found or [Problem((), whole)]

    def _problems(self, node: Any, path: Path, around: tuple[str, ...]) -> Iterator[Problem]:
        """`around`: the lists of the groups around it, whose subscriptions its rules look at."""
        rules = node.get("rules") if isinstance(node, Mapping) else None
        if not isinstance(rules, list):
            if message := self._refused(_within(node, around)):
                yield Problem(path or (0,), message)
            return
        shell = {**node, "rules": [ANYTHING] if rules else []}
        if message := self._refused(_within(shell, around)):
            yield Problem(path, message)
            return
        inside = (*around, node["on"]) if node.get("on") else around
        for number, rule in enumerate(rules):
            yield from self._problems(rule, (*path, number), inside)

    def _refused(self, rules: Any) -> str:
        """Why these cannot be compiled, or ''."""
        try:
            compiler.compile_rules(rules, self.scope)
        except InvalidRules as error:
            return str(error)
        return ""


def _within(node: Any, around: tuple[str, ...]) -> Any:
    for on in reversed(around):
        node = {"on": on, "match": "all", "rules": [node]}
    return node

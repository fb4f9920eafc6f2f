"""Is somebody in the segment that is being written, and why: rule by rule, for the person or for each subscription."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from accounts.models import Organization
from audience.admin.segment_answers import trial_of
from audience.admin.segment_trial import Trial
from audience.criteria import compiler
from audience.criteria.scope import Scope
from audience.criteria.tree import Condition, Group, Match, from_json
from audience.errors import InvalidRules
from audience.models import Subscriber, Subscription

MATCHES = {Match.ALL: "all of these hold", Match.ANY: "at least one of these holds", Match.NOT: "none of these holds"}


@dataclass(frozen=True)
class Step:
    """A rule or a group, whether it holds for the person, and the same of each rule in it."""

    words: str
    holds: bool
    steps: tuple["Step", ...] = ()


@dataclass(frozen=True)
class Way:
    """The rules as seen from one subscription to the segment's lists; `name` is empty where they see the person."""

    name: str
    step: Step


def why(request: HttpRequest) -> HttpResponse:
    """Nothing is stored; the rules are those in the form."""
    typed = request.POST.get("who", "").strip()
    try:
        trial = trial_of(request)
        if problems := trial.problems:
            raise InvalidRules(str(problems[0]))
    except InvalidRules as broken:
        return _answer(request, trouble=f"The rules are not complete. {broken}")
    person = _person(trial.organization, typed)
    if person is None:
        told = f"Nobody here has the address or number “{typed}”." if typed else "Type an address or a phone number."
        return _answer(request, trouble=told)
    ways = list(_ways(trial, person))
    return _answer(request, person=person, ways=ways, is_in=any(way.step.holds for way in ways))


def _answer(request: HttpRequest, **context: Any) -> HttpResponse:
    return fragment(request, "admin/audience/segment/why.html", **context)


def _person(organization: Organization, typed: str) -> Subscriber | None:
    known = Q(email=typed.lower()) | Q(public_id=typed)
    known |= Q(phone=typed) if typed.startswith("+") else Q()
    return Subscriber.objects.of(organization).filter(known).first() if typed else None


def _ways(trial: Trial, person: Subscriber) -> Iterator[Way]:
    tree = from_json(trial.rules)
    if not trial.lists:
        yield Way("", _step(tree, person, None, trial.scope))
        return
    on = person.subscriptions.filter(mailing_list__in=trial.scope.mailing_lists).select_related("mailing_list")
    for row in on:
        yield Way(f"On {row.mailing_list}, {row.get_status_display().lower()}", _step(tree, person, row, trial.scope))


def _step(node: Condition | Group, person: Subscriber, row: Subscription | None, scope: Scope) -> Step:
    holds = _holds(node, person, row, scope)
    if isinstance(node, Condition):
        return Step(compiler.sentence(Group(Match.ALL, (node,)), scope), holds)
    if not node.rules:
        return Step("Everybody", holds)
    steps = tuple(_step(rule, person, row, scope) for rule in node.rules)
    return Step(MATCHES[node.match].capitalize(), holds, steps)


def _holds(node: Condition | Group, person: Subscriber, row: Subscription | None, scope: Scope) -> bool:
    tree = node if isinstance(node, Group) else Group(Match.ALL, (node,))
    condition = compiler.compile_tree(tree, scope)
    if row is None:
        return Subscriber.objects.filter(pk=person.pk).filter(condition).exists()
    return Subscription.objects.filter(pk=row.pk).filter(condition).exists()

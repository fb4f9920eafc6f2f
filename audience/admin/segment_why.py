"""Is somebody in the segment that is being written, and why: rule by rule, for the person or for each subscription."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import fragment
from accounts.models import Organization
from audience import segments
from audience.admin.segment_answers import trial_of
from audience.errors import InvalidRules
from audience.models import Subscriber


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
    explanation = segments.explain(trial.rules, trial.lists, trial.organization, person)
    return _answer(request, person=person, ways=explanation.ways, is_in=explanation.is_in)


def _answer(request: HttpRequest, **context: Any) -> HttpResponse:
    return fragment(request, "admin/audience/segment/why.html", **context)


def _person(organization: Organization, typed: str) -> Subscriber | None:
    known = Q(email=typed.lower()) | Q(public_id=typed)
    known |= Q(phone=typed) if typed.startswith("+") else Q()
    return Subscriber.objects.of(organization).filter(known).first() if typed else None

"""What the rule builder asks meanwhile: how many people, who, and which campaigns there are to choose from."""

import json
from contextlib import suppress
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.defaultfilters import date as written_date

from accounts.admin.desk import desk
from accounts.admin.pages import fragment, row_number
from accounts.models import Organization
from accounts.permissions import Permission
from audience.errors import InvalidRules, TooSlow
from audience.models import MailingList, Subscriber
from audience.segment_trials import Problem, Trial
from campaigns.models import Campaign, Channel

FOUND = 20  # campaigns
TOO_SLOW = "Counting takes long here. Save the segment, and it is counted in the background."


def organization_of(request: HttpRequest, given: str | None) -> Organization:
    organization = Organization.objects.visible_to(request.user).filter(pk=row_number(given) or 0).first()
    if organization is None or not desk(request).may(Permission.READ, organization):
        raise PermissionDenied
    return organization


def trial_of(request: HttpRequest) -> Trial:
    """The rules in the form, as they are typed right now. Raises InvalidRules for what is no JSON."""
    organization = organization_of(request, request.POST.get("organization"))
    chosen = [pk for text in request.POST.getlist("mailing_lists") if (pk := row_number(text))]
    lists = tuple(MailingList.objects.of(organization).filter(pk__in=chosen))
    return Trial.of_text(organization, request.POST.get("rules", ""), lists)


def count(request: HttpRequest) -> JsonResponse:
    """A sentence and a number, or what is wrong at which rule; nothing is stored."""
    try:
        trial = trial_of(request)
        problems = trial.problems
    except InvalidRules as broken:
        return JsonResponse(_broken([Problem((), str(broken))]))
    if problems:
        return JsonResponse(_broken(problems))
    try:
        return JsonResponse(_counted(trial))
    except TooSlow:
        return JsonResponse({"problems": [], "sentence": trial.sentence, "note": TOO_SLOW})


def _counted(trial: Trial) -> dict[str, Any]:
    people = trial.count()
    return {
        "people": people,
        "count": f"{intcomma(people)} {'person' if people == 1 else 'people'}" if people else "Nobody",
        "sentence": trial.sentence,
        "note": "" if people else _why_nobody(trial),
        "problems": [],
    }


def _why_nobody(trial: Trial) -> str:
    try:
        return trial.why_nobody
    except TooSlow:
        return ""


def _broken(problems: list[Problem]) -> dict[str, Any]:
    told = "One rule is not complete." if len(problems) == 1 else f"{len(problems)} rules are not complete."
    return {
        "problems": [{"path": problem.path, "message": problem.message} for problem in problems],
        "note": str(problems[0]) if problems == [Problem((), problems[0].message)] else told,
    }


def sample(request: HttpRequest) -> HttpResponse:
    """Some of the people the rules mean right now."""
    people: list[Subscriber] = []
    with suppress(InvalidRules, TooSlow):  # the count beside it says so
        people = trial_of(request).sample()
    return fragment(request, "admin/audience/segment/sample.html", people=people)


def campaigns(request: HttpRequest) -> JsonResponse:
    """Campaigns whose name contains what is typed, the latest first."""
    organization = organization_of(request, request.GET.get("organization"))
    rows = Campaign.objects.of(organization).kept()
    if request.GET.get("channel") == Channel.SMS:
        rows = rows.filter(channel=Channel.SMS)
    if typed := request.GET.get("q", "").strip():
        rows = rows.filter(Q(name__icontains=typed) | Q(public_id=typed))
    found = [{"id": row.public_id, "name": row.name, "about": _about(row)} for row in rows.order_by("-pk")[:FOUND]]
    return JsonResponse({"campaigns": found})


def _about(campaign: Campaign) -> str:
    return f"{campaign.get_state_display()}, {written_date(campaign.created_at, 'j M Y')}"


def dumped(rules: Any) -> str:
    return json.dumps(rules, ensure_ascii=False, indent=2)

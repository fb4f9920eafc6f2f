"""Planning a split test, until its campaign begins."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.actors import Actor
from accounts.permissions import Permission, may
from campaigns import lifecycle
from campaigns.errors import Locked, NotAllowed, NotReady
from campaigns.models import EDITABLE, Campaign, ScheduleType
from splittests.models import SplitTest

SETTINGS = (
    *("share_percent", "wait", "wait_unit", "metric"),
    *("least_people", "least_difference", "certainty", "when_unclear"),
)


def plan(campaign: Campaign, *, by: Actor, **settings: Any) -> SplitTest:
    """The campaign's split test, with these settings (SETTINGS) and what it had, or the defaults, for the others.

    An approval is void, unless all is as it was. Raises NotReady by setting, Locked, NotAllowed.
    """
    _require_known(settings)
    with transaction.atomic():
        row = _editable(campaign, by)
        test = SplitTest.objects.filter(campaign=row).first() or SplitTest(campaign=row)
        before = _settings(test) if test.pk else {}
        for name, value in settings.items():
            setattr(test, name, value)
        _require_valid(test)
        if _settings(test) != before:
            test.save()
            lifecycle.edited(row, by=by, reason="Changed the split test.")
    return test


def replan(campaign: Campaign, *, by: Actor, **settings: Any) -> SplitTest:
    """Another test in place of the one there is, with a number of its own; for the rest as `plan`, from the
    defaults."""
    _require_known(settings)
    with transaction.atomic():
        SplitTest.objects.filter(campaign=_editable(campaign, by)).delete()
        return plan(campaign, by=by, **settings)


# What vendors' tests say: whoever is ahead by the figures is sent, however small the lead and the sample.
AS_THEY_STAND: dict[str, Any] = {
    "least_people": 0,
    "least_difference": 0,
    "certainty": 0,
    "when_unclear": SplitTest.WhenUnclear.LEADER,
}


def _settings(test: SplitTest) -> dict[str, Any]:
    return {name: getattr(test, name) for name in SETTINGS}


def drop(campaign: Campaign, *, by: Actor) -> None:
    """No test: all variants go to the whole audience at once. Without a test it does nothing."""
    with transaction.atomic():
        row = _editable(campaign, by)
        deleted, _ = SplitTest.objects.filter(campaign=row).delete()
        if deleted:
            lifecycle.edited(row, by=by, reason="Took the split test away.")


def copied(campaign: Campaign, twin: Campaign) -> None:
    """The same test for a copy of the campaign."""
    test = SplitTest.objects.filter(campaign=campaign).first()
    if test is not None:
        test.pk, test.campaign = None, twin
        test.save(force_insert=True)


def looked_at(campaign: Campaign) -> dict[str, dict[str, Any]]:
    """What an approver looks at of it, as JSON."""
    test = SplitTest.objects.filter(campaign=campaign).first()
    return {"split_test": {name: str(getattr(test, name)) for name in SETTINGS}} if test else {}


def refused(campaign: Campaign, schedule_type: str) -> dict[str, list[str]]:
    """For `campaigns.schedules`: a sample that takes a day to go round the earth cannot be waited for."""
    at_times = campaign.local_time and schedule_type == ScheduleType.FUTURE
    if not (at_times and SplitTest.objects.filter(campaign=campaign).exists()):
        return {}
    return {"local_time": ["A split test goes to its sample at once, not in each person's own time."]}


def share_first(campaign: Campaign) -> int | None:
    """To what share of the audience variants go first, in hundredths of a per cent; None where nothing is tried."""
    test = SplitTest.objects.filter(campaign=campaign).first()
    return int(test.share_percent * 100) if test else None


def _editable(campaign: Campaign, by: Actor) -> Campaign:
    row = Campaign.objects.select_for_update(of=("self",)).select_related("organization").get(pk=campaign.pk)
    if not may(by.user, Permission.UPDATE, row.organization):
        raise NotAllowed(f"You may not update campaigns of {row.organization}.")
    if row.deleted_at or row.state not in EDITABLE:
        raise Locked(f"A split test cannot be changed in state {row.state}.")
    return row


def _require_known(settings: Mapping[str, Any]) -> None:
    if unknown := settings.keys() - set(SETTINGS):
        raise NotReady({name: ["There is no such setting."] for name in sorted(unknown)})


def _require_valid(test: SplitTest) -> None:
    try:
        test.full_clean()
    except ValidationError as error:
        raise NotReady(error.message_dict) from error

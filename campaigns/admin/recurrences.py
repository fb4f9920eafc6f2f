"""Choosing that a campaign goes out again and again; the sentence and the next dates while one chooses."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now

from accounts.admin.pages import DeskForm, fragment
from accounts.permissions import Permission
from campaigns import recurring, schedules
from campaigns.admin.lookup import of_campaign
from campaigns.errors import NotReady
from campaigns.local_times import zone_of
from campaigns.models import Campaign
from campaigns.recurrence import MONTHS, MOST_INSTANCES, WEEKDAYS, Recurrence
from campaigns.recurrence_words import sentence
from campaigns.schedules import Schedule

EVERY, WEEK, MONTH, BOTH = "every", "week", "month", "both"
SHOWN = 5
TIME = re.compile(r"(\d{1,2})[:.h](\d{2})")
# Which field of the form tells what is wrong with one of the recurrence.
FIELDS = {
    "days_of_week": "weekdays",
    "days_of_month": "month_days",
    "months": "months",
    "hours": "times",
    "minutes": "times",
    "max_instances": "instances",
}


class RecurrenceForm(DeskForm):
    days = forms.ChoiceField(
        label="On which days",
        choices=(
            (WEEK, "Days of the week"),
            (MONTH, "Days of the month"),
            (EVERY, "Every day"),
            (BOTH, "Both"),
        ),
        widget=forms.RadioSelect,
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="Days of the week",
        required=False,
        coerce=int,
        choices=[(number, name[:3]) for number, name in enumerate(WEEKDAYS, 1)],
        widget=forms.CheckboxSelectMultiple,
    )
    month_days = forms.TypedMultipleChoiceField(
        label="Days of the month",
        required=False,
        coerce=int,
        choices=[(day, str(day)) for day in range(1, 32)],
        widget=forms.CheckboxSelectMultiple,
        help_text="A day that a month does not have is left out in that month.",
    )
    times = forms.CharField(
        label="At what time",
        max_length=10_000,
    )
    months = forms.TypedMultipleChoiceField(
        label="Only in these months",
        required=False,
        coerce=int,
        choices=[(number, name[:3]) for number, name in enumerate(MONTHS, 1)],
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: in every month.",
    )
    instances = forms.IntegerField(
        label="How many times in all",
        required=False,
        min_value=1,
        max_value=MOST_INSTANCES,
        help_text="Empty: until you stop it.",
    )

    def __init__(self, data: Any = None, *, campaign: Campaign, zone: str) -> None:
        self.zone, self.done = zone, campaign.runs.count()
        self.kept = recurring.of(campaign)
        super().__init__(data, prefix="recurring", initial=_initial(self.kept))
        self.fields["instances"].widget.attrs["class"] += " bs-input--short"
        self.fields["times"].help_text = f"Such as 09:00, or 09:00, 17:00 for twice a day; in the time of {zone}."
        for name in ("weekdays", "month_days"):
            self.fields[name].is_needed = True  # type: ignore[attr-defined]  # for the template: where it is shown at all
        if self.done:
            self.fields["instances"].help_text += f" {self.done:,} went out already, and count."

    def clean_times(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Hours and minutes; each hour goes with each minute, so that not every list of times can be had."""
        written = [each for each in re.split(r"[,;\s]+", self.cleaned_data["times"]) if each]
        found = [TIME.fullmatch(each) for each in written]
        if not all(found):
            raise forms.ValidationError("Write times such as 09:00, with commas between them.")
        times = {(int(each[1]), int(each[2])) for each in found if each}
        hours, minutes = ({time[place] for time in times} for place in (0, 1))
        besides = sorted({(hour, minute) for hour in hours for minute in minutes} - times)
        if besides:
            hour, minute = besides[0]
            raise forms.ValidationError(
                f"All times need the same minutes past the hour: these mean {hour:02}:{minute:02} as well."
            )
        return tuple(hours), tuple(minutes)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        days = given.get("days")
        if days in {WEEK, BOTH} and not given.get("weekdays"):
            self.add_error("weekdays", "Tick a day of the week.")
        if days in {MONTH, BOTH} and not given.get("month_days"):
            self.add_error("month_days", "Tick a day of the month.")
        if given.get("instances") and given["instances"] <= self.done:
            self.add_error("instances", f"{self.done:,} went out already. Choose a higher number.")
        if not self.errors:
            self._compute(given)
        return given

    def _compute(self, given: dict[str, Any]) -> None:
        hours, minutes = given["times"]
        try:
            recurrence = Recurrence(
                days_of_week=tuple(given["weekdays"]) if given["days"] in {WEEK, BOTH} else (),
                days_of_month=tuple(given["month_days"]) if given["days"] in {MONTH, BOTH} else (),
                months=tuple(given["months"]),
                hours=hours,
                minutes=minutes,
                max_instances=given["instances"] or 0,
            )
            given["schedule"] = schedules.recurring(recurrence, self.zone, after=now())
        except NotReady as refused:
            for name, problems in refused.problems.items():
                self.add_error(FIELDS.get(name), problems)

    @property
    def schedule(self) -> Schedule:
        chosen: Schedule = self.cleaned_data["schedule"]
        return chosen


def _initial(kept: Recurrence | None) -> dict[str, Any]:
    if kept is None:
        return {"days": WEEK, "times": "09:00"}
    week, month = bool(kept.days_of_week), bool(kept.days_of_month)
    return {
        "days": BOTH if week and month else WEEK if week else MONTH if month else EVERY,
        "weekdays": list(kept.days_of_week),
        "month_days": list(kept.days_of_month),
        "months": list(kept.months),
        "times": _written(kept.hours, kept.minutes),
        "instances": kept.max_instances or None,
    }


def _written(hours: Iterable[int], minutes: Iterable[int]) -> str:
    past = list(minutes)
    return ", ".join(f"{hour:02}:{minute:02}" for hour in hours for minute in past)


@of_campaign(Permission.READ)
def preview(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The sentence and the next dates of what is chosen right now; nothing is saved."""
    form = RecurrenceForm(request.POST, campaign=campaign, zone=zone_of(campaign))
    shown: dict[str, Any] = {"problems": [text for texts in form.errors.values() for text in texts]}
    if form.is_valid():
        chosen = form.schedule.recurrence
        assert chosen is not None  # noqa: S101 - the form makes one
        left = chosen.max_instances - form.done if chosen.max_instances else SHOWN
        coming = islice(chosen.after(now(), form.zone), min(SHOWN, left))
        shown = {
            "sentence": sentence(chosen, form.zone),
            "slots": list(coming),
            "more": left > SHOWN or not chosen.max_instances,
        }
    return fragment(request, "admin/campaigns/campaign/recurrence_preview.html", zone=form.zone, **shown)

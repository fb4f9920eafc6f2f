"""Choosing when a campaign goes out, in the time zone of its edition."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.timezone import now

from accounts.admin.pages import DeskForm
from campaigns import lifecycle, recurring
from campaigns.admin.recurrences import RecurrenceForm
from campaigns.local_times import zone_of
from campaigns.models import Campaign, ScheduleType
from campaigns.schedules import Schedule

NOW, LATER, AGAIN = "now", "later", "again"


def local_time(campaign: Campaign) -> datetime | None:
    """When it goes out, as people of its edition read it."""
    return campaign.scheduled_at.astimezone(ZoneInfo(zone_of(campaign))) if campaign.scheduled_at else None


def _when(campaign: Campaign) -> str:
    """What was chosen before, also where the campaign has become a draft since."""
    if campaign.schedule_type in {ScheduleType.RECURSIVE, ScheduleType.NONE} and recurring.of(campaign):
        return AGAIN
    return LATER if campaign.scheduled_at else NOW


class ScheduleForm(DeskForm):
    when = forms.ChoiceField(
        choices=((NOW, "As soon as possible"), (LATER, "At a time"), (AGAIN, "Again and again")),
        widget=forms.RadioSelect,
    )
    at = forms.DateTimeField(
        required=False,
        label="Date and time",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        self.zone = zone_of(campaign)
        stored = local_time(campaign)
        initial = {"when": _when(campaign), "at": stored.strftime("%Y-%m-%dT%H:%M") if stored else None}
        super().__init__(*args, initial=initial, **kwargs)
        self.recurring = RecurrenceForm(self.data if self.is_bound else None, campaign=campaign, zone=self.zone)
        earliest = now().astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%dT%H:%M")
        self.fields["at"].widget.attrs["min"] = earliest

    def clean_at(self) -> datetime | None:
        """The time as typed, in the campaign's zone whichever zone the page is shown in."""
        typed: datetime | None = self.cleaned_data["at"]
        return typed.replace(tzinfo=ZoneInfo(self.zone)) if typed else None

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("when") == LATER and "at" in given:
            if given["at"] is None:
                self.add_error("at", "Choose a date and a time.")
            elif given["at"] <= now():
                self.add_error("at", f"This time has passed in {self.zone}. Choose a later one.")
        return given

    def is_valid(self) -> bool:
        valid = super().is_valid()
        return valid and (self.cleaned_data["when"] != AGAIN or self.recurring.is_valid())

    @property
    def schedule(self) -> Schedule:
        if self.cleaned_data["when"] == AGAIN:
            return self.recurring.schedule
        if self.cleaned_data["when"] == NOW:
            return lifecycle.IMMEDIATELY
        return lifecycle.at(self.cleaned_data["at"], self.zone)

"""When an organization, or an edition of it, sends nothing."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import ScopedAdmin, ScopedForm
from accounts.admin.desk import actor
from delivery import quiet_hours
from delivery.models import QuietHours
from delivery.quiet_hours import MANAGE


class QuietHoursForm(ScopedForm):
    constraint_messages: ClassVar = {
        "quiet hours for this channel already": ("channel", "There are quiet hours for this channel already."),
        "quiet hours for this channel": ("edition", "This edition has quiet hours for this channel already."),
        "nothing would ever be sent": ("end", "Begin and end are the same: nothing would ever be sent."),
    }


@admin.register(QuietHours)
class QuietHoursAdmin(ScopedAdmin[QuietHours]):
    form = QuietHoursForm
    add_permission = MANAGE
    change_permission = MANAGE
    delete_permission = MANAGE
    list_display = ("hours", "channel", "whose")
    list_filter = ("channel",)
    list_title = "Quiet hours"
    add_label = "Add quiet hours"
    empty_icon = "bedtime"
    empty_state = (
        "Nothing is sent in quiet hours, by the clock of whoever would get it: what falls into them waits until they "
        "are over. Many people want no text messages at night."
    )
    intro = "By the clock of whoever would get the message; what falls into these hours waits until they are over."
    fieldsets: ClassVar = (
        (None, {"fields": ("channel", "begin", "end")}),
        ("For", {"fields": ("edition",), "description": "Without an edition, for all that have none of their own."}),
    )

    @admin.display(description="Quiet", ordering="begin")
    def hours(self, row: QuietHours) -> str:
        return f"{row.begin:%H:%M} to {row.end:%H:%M}"

    @admin.display(description="For", ordering="edition")
    def whose(self, row: QuietHours) -> str:
        return str(row.edition or "every edition without its own")

    def save_model(self, request: HttpRequest, obj: QuietHours, form: Any, change: bool) -> None:
        quiet_hours.change(obj, by=actor(request))

    def delete_model(self, request: HttpRequest, obj: QuietHours) -> None:
        quiet_hours.drop(obj, by=actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[QuietHours]) -> None:
        for row in queryset:
            quiet_hours.drop(row, by=actor(request))

"""The clock's tables, for superusers: django-celery-beat's own admin in the theme's clothes."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from accounts.admin.base import INPUT_CLASSES, SELECT_CLASSES, ModelAdmin

for model in (PeriodicTask, ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
    admin.site.unregister(model)


class ClockAdmin(ModelAdmin[Any]):
    """Members never see how the machine is wound up: django's permissions are granted to superusers alone."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class DressedTaskForm(PeriodicTaskForm):  # type: ignore[misc]
    """The form of a task, with the theme's classes on its two extra fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = TaskSelectWidget(attrs={"class": SELECT_CLASSES})
        self.fields["task"].widget.attrs["class"] = INPUT_CLASSES


@admin.register(PeriodicTask)
class ScheduledTaskAdmin(PeriodicTaskAdmin, ClockAdmin):  # type: ignore[misc]
    form = DressedTaskForm
    change_form_template = None  # theirs carries an inline script, which the policy forbids
    list_filter = ("enabled", "one_off")
    add_label = "Add task"


@admin.register(CrontabSchedule)
class CrontabAdmin(ClockAdmin):
    list_display = ("__str__", "human_readable")


@admin.register(ClockedSchedule, IntervalSchedule, SolarSchedule)
class TimeAdmin(ClockAdmin):
    actions = None

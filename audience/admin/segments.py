"""Segments: saved choices of people."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from accounts.admin.base import CheckboxSelectMultiple, ScopedAdmin
from accounts.admin.desk import actor
from audience.models import Segment
from campaigns import drafts
from campaigns.errors import CampaignError


@admin.register(Segment)
class SegmentAdmin(ScopedAdmin[Segment]):
    list_display = ("name", "status", "user_count", "last_calculated_at", "edition")
    list_filter = ("status",)
    search_fields = ("name", "description")
    list_select_related = ("edition",)
    actions = None
    add_label = "New segment"
    empty_icon = "filter_alt"
    empty_state = (
        "A segment is a saved choice of people, to send to or to leave out: for example everybody on two lists."
    )
    fieldsets = (
        (None, {"fields": ("name", "description", "edition")}),
        (
            "People",
            {
                "fields": ("mailing_lists",),
                "description": "Everybody on the lists ticked; without any, everybody in the organization.",
            },
        ),
    )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, widget=CheckboxSelectMultiple(), **kwargs)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.save(commit=False)

    def save_model(self, request: HttpRequest, obj: Segment, form: forms.ModelForm[Segment], change: bool) -> None:
        """Campaigns that address the segment hear of the change."""
        if not change:
            obj.save()
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name != "mailing_lists"}
        lists = form.cleaned_data.get("mailing_lists")
        try:
            drafts.edit_segment(Segment.objects.get(pk=obj.pk), by=actor(request), mailing_lists=lists, **changes)
        except CampaignError as refused:
            messages.error(request, f"Not changed: {refused}")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        if not change:
            super().save_related(request, form, formsets, change)

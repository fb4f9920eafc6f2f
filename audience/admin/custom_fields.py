"""Custom fields: what can be known about a person, and how emails name it."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import RelatedFilter, ScopedAdmin, ScopedForm
from audience import fields as custom_fields
from audience.errors import InvalidKey
from audience.models import CustomField, MailingList

VALUES_SHOWN = 5


class CustomFieldForm(ScopedForm):
    """`choices` is one value a line."""

    choices = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "bs-textarea bs-textarea--low"}),
        help_text="For “One of several” and “Any of several”: one value a line.",
    )
    constraint_messages: ClassVar = {
        "audience_field_key_per_organization": ("key", "There is a field with this key already."),
        "audience_field_key_per_list": ("key", "This list has a field with this key already."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "choices" in self.fields:
            self.initial["choices"] = "\n".join(str(value) for value in self.instance.choices)

    def clean_choices(self) -> list[str]:
        lines = (line.strip() for line in self.cleaned_data["choices"].splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def _post_clean(self) -> None:
        """The audience's own rules have the last word: what a key may be, and what it may stand beside."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            custom_fields.check(self.instance)
        except InvalidKey as refused:
            kind_of_choices = self.instance.kind in custom_fields.HAVE_CHOICES and not self.instance.choices
            self.add_error("choices" if kind_of_choices else "key" if "key" in self.fields else None, str(refused))


class ListFilter(RelatedFilter):
    title = "list"
    parameter_name = "list"
    model: ClassVar = MailingList
    path: ClassVar = "mailing_list"


@admin.register(CustomField)
class CustomFieldAdmin(ScopedAdmin[CustomField]):
    form = CustomFieldForm
    list_display = ("name", "in_emails", "kind", "values", "belongs_to")
    list_filter = ("kind", ListFilter)
    list_select_related = ("mailing_list",)
    search_fields = ("name", "key")
    fields = ("name", "key", "kind", "choices", "mailing_list")
    actions = None
    add_label = "Add field"
    empty_icon = "text_fields"
    empty_state = "Fields hold what you know about people, such as a first name. Emails use them as merge fields."

    @admin.display(description="In emails", ordering="key")
    def in_emails(self, field: CustomField) -> SafeString:
        return format_html('<code class="bs-key">{{{{ {} }}}}</code>', field.key)

    @admin.display(description="Values")
    def values(self, field: CustomField) -> str:
        """What can be chosen, as far as it fits."""
        named = ", ".join(str(value) for value in field.choices[:VALUES_SHOWN])
        more = len(field.choices) - VALUES_SHOWN
        return f"{named} and {more:,} more" if more > 0 else named

    @admin.display(description="Belongs to", ordering="mailing_list__name")
    def belongs_to(self, field: CustomField) -> str:
        return str(field.mailing_list) if field.mailing_list else "everybody"

    def get_fields(self, request: HttpRequest, obj: CustomField | None = None) -> Any:
        """Only what there is to choose among has choices; a kind that is fixed already is no condition any more."""
        without = {"choices"} if obj and obj.kind not in custom_fields.HAVE_CHOICES else set()
        return [name for name in self.fields if name not in without]

    def delete_model(self, request: HttpRequest, obj: CustomField) -> None:
        super().delete_model(request, obj)
        messages.info(
            request,
            "What was stored in it is shown nowhere and used in no rule, but stays with the people: it is in the "
            f"export of their data, and a new field with the key {obj.key} shows it again.",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: CustomField | None = None) -> Any:
        return ("key", "kind", "mailing_list") if obj else ()  # values are stored under them

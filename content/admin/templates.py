"""Templates: bodies to start emails from."""

from django import forms
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ScopedAdmin, ScopedForm
from accounts.admin.pages import to
from content.models import Template


class TemplateForm(ScopedForm):
    html = forms.CharField(
        label="HTML", required=False, widget=forms.Textarea(attrs={"class": "bs-textarea bs-code", "rows": 24})
    )


@admin.register(Template)
class TemplateAdmin(ScopedAdmin[Template]):
    form = TemplateForm
    list_display = ("name", "edition", "modified_at", "use")
    search_fields = ("name",)
    list_select_related = ("edition",)
    fields = ("name", "edition", "merge_language", "html")
    actions = None
    add_label = "New template"
    empty_icon = "dashboard_customize"
    empty_state = "A template is a body that new emails start from, with your colours, your footer, your address."

    @admin.display(description="")
    def use(self, template: Template) -> SafeString:
        url = f"{to('content_email_add')}?template={template.pk}"
        return format_html('<a class="bs-btn bs-btn--small" href="{}">Write an email</a>', url)

"""Tags of campaigns: rename, merge, see what they are on."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.permissions import Permission
from tags import tagging
from tags.models import Tag
from tags.tagging import TagError


class MergeForm(DeskForm):
    into = forms.ModelChoiceField(Tag.objects.none(), label="Into", empty_label="Choose a tag…")


@admin.register(Tag)
class TagAdmin(ScopedAdmin[Tag]):
    list_display = ("name", "campaigns", "owner", "merge")
    search_fields = ("name",)
    fields = ("name",)
    list_select_related = ("owner",)
    actions = None
    add_label = "Add tag"
    empty_icon = "sell"
    empty_state = (
        "Tags sort campaigns: by topic, by season, by client. You can also make them while writing a campaign."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        kept = Q(campaign_tags__content_object__deleted_at__isnull=True)
        return super().get_queryset(request).annotate(campaign_count=Count("campaign_tags", filter=kept))

    @admin.display(description="Campaigns", ordering="campaign_count")
    def campaigns(self, tag: Any) -> SafeString:
        url = f"{to('campaigns_campaign_changelist')}?tag={tag.pk}"
        return format_html('<a href="{}">{}</a>', url, tag.campaign_count)

    @admin.display(description="")
    def merge(self, tag: Tag) -> SafeString:
        return format_html(
            '<a class="bs-btn bs-btn--small" href="{}" data-dialog>Merge…</a>', to("tags_tag_merge", tag.pk)
        )

    def get_urls(self) -> list[URLPattern]:
        merge = self.admin_site.admin_view(self.merge_view)
        return [path("<int:pk>/merge/", merge, name="tags_tag_merge"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        if change:
            tagging.rename(Tag.objects.get(pk=obj.pk), obj.name, by=actor(request))
        else:
            obj.pk = tagging.create(obj.organization, obj.name, by=actor(request)).pk

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        tagging.delete(obj, by=actor(request))

    def merge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask which tag takes its place on GET; merge on POST."""
        tag = self.get_object(request, str(pk))
        if tag is None:
            raise Http404
        if not desk(request).may(Permission.UPDATE, tag.organization_id):
            raise PermissionDenied
        form = MergeForm(request.POST or None)
        form.fields["into"].queryset = Tag.objects.of(tag.organization).exclude(pk=tag.pk)  # type: ignore[attr-defined]
        if request.method == "POST" and form.is_valid():
            return self._merge(request, tag, form.cleaned_data["into"])
        crumbs = [("Tags", to("tags_tag_changelist"))]
        return page(request, "admin/tags/tag/merge.html", title="Merge", crumbs=crumbs, tag=tag, form=form)

    def _merge(self, request: HttpRequest, tag: Tag, into: Tag) -> HttpResponse:
        try:
            tagging.merge(tag, into, by=actor(request))
        except TagError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, f"Everything tagged “{tag.name}” is tagged “{into.name}” now.")
        return redirect(to("tags_tag_changelist"))

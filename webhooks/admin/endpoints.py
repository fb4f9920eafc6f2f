"""Endpoints: a page for each with its settings, its secret, what can be done, and the latest of its log."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.views.decorators.http import require_POST

from accounts.admin.base import ScopedAdmin
from accounts.admin.desk import actor, desk
from accounts.admin.pages import DeskForm, page, to
from accounts.models import Edition, Organization
from webhooks import endpoints, replays
from webhooks.admin.deliveries import tone_of
from webhooks.endpoints import MANAGE
from webhooks.errors import InvalidEndpoint, WebhookError
from webhooks.models import LONGEST_TIMEOUT, LONGEST_URL, Delivery, Endpoint, Form, Happening

LATEST = 10


class EndpointForm(DeskForm):
    name = forms.CharField(max_length=255, help_text="What listens there, for example “shop”.")
    url = forms.CharField(
        label="URL",
        max_length=LONGEST_URL,
        widget=forms.URLInput,
        help_text="Where each event is posted to, on the public Internet unless the operator allows other networks.",
    )
    events = forms.MultipleChoiceField(
        choices=[(name, f"{label} ({name})") for name, label in Happening.choices], widget=forms.CheckboxSelectMultiple
    )
    edition = forms.ModelChoiceField(
        Edition.objects.none(), required=False, empty_label="All of them", help_text="Only events of its campaigns."
    )
    timeout_seconds = forms.IntegerField(
        label="Seconds to answer",
        min_value=1,
        max_value=LONGEST_TIMEOUT,
        initial=10,
        help_text="An answer that takes longer counts as none, and the event is sent again.",
    )
    form = forms.ChoiceField(
        label="Told in the words of", choices=Form.choices, required=False, help_text="A vendor's, for its programs."
    )
    is_active = forms.BooleanField(
        label="Active", required=False, initial=True, help_text="While it is off, what happens is not kept for it."
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["edition"].queryset = Edition.objects.of(organization)  # type: ignore[attr-defined]

    def refuse(self, error: InvalidEndpoint) -> None:
        for field, found in error.problems.items():
            self.add_error(field if field in self.fields else None, found)


class ReplayForm(DeskForm):
    since = forms.DateTimeField(
        label="That happened since",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@admin.register(Endpoint)
class EndpointAdmin(ScopedAdmin[Endpoint]):
    view_permission = MANAGE
    add_permission = MANAGE
    change_permission = MANAGE
    delete_permission = MANAGE
    list_title = "Webhooks"
    list_display = ("name", "address", "wants", "state")
    list_filter = ("is_active",)
    search_fields = ("name", "url")
    actions = None
    add_label = "Add webhook"
    empty_icon = "webhook"
    empty_state = (
        "A webhook tells another program at once what happens: that a campaign was sent, that somebody clicked. "
        "Each event is a signed POST to a URL of yours."
    )

    @admin.display(description="URL", ordering="url")
    def address(self, endpoint: Endpoint) -> SafeString:
        return format_html('<span class="bs-mono bs-break">{}</span>', endpoint.url)

    @admin.display(description="Events")
    def wants(self, endpoint: Endpoint) -> str:
        return "all" if len(endpoint.events) == len(Happening) else ", ".join(endpoint.events)

    @admin.display(description="State", ordering="is_active")
    def state(self, endpoint: Endpoint) -> SafeString:
        word, tone = state_of(endpoint)
        return format_html('<span class="bs-badge bs-badge--{}">{}</span>', tone, word)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any]] = [
            ("test", require_POST(self.send_test)),
            ("rotate", self.rotate),
            ("replay", self.replay),
            ("delete", self.ask_delete),
        ]
        ours = [path(f"<int:pk>/{name}/", wrap(view), name=f"webhooks_endpoint_{name}") for name, view in views]
        return [*ours, *super().get_urls()]

    # --- pages

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        organization = desk(request).organization
        if not self.has_add_permission(request):
            raise PermissionDenied
        if organization is None:
            messages.info(request, "Choose the organization it is for first, at the top of the menu.")
            return redirect(to("webhooks_endpoint_changelist"))
        form = EndpointForm(request.POST or None, organization=organization)
        if request.method == "POST" and form.is_valid():
            try:
                made = endpoints.create(organization, by=actor(request), **form.cleaned_data)
            except InvalidEndpoint as error:
                form.refuse(error)
            else:
                messages.success(
                    request, "The webhook is there. Copy its secret to where it is checked, and send a test."
                )
                return redirect(to("webhooks_endpoint_change", made.pk))
        crumbs = [("Webhooks", to("webhooks_endpoint_changelist"))]
        return page(request, "admin/webhooks/endpoint/add.html", title="New webhook", crumbs=crumbs, form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Its settings, its secret, and the latest of its log; saves on POST."""
        endpoint = self._endpoint(request, object_id)
        initial = {name: getattr(endpoint, name) for name in endpoints.FIELDS}
        form = EndpointForm(request.POST or None, organization=endpoint.organization, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                endpoints.change(endpoint, by=actor(request), **form.cleaned_data)
            except InvalidEndpoint as error:
                form.refuse(error)
                endpoint = self._endpoint(request, object_id)
            else:
                messages.success(request, "Saved.")
                return redirect(to("webhooks_endpoint_change", endpoint.pk))
        return self._page(request, endpoint, form)

    def _page(self, request: HttpRequest, endpoint: Endpoint, form: EndpointForm) -> HttpResponse:
        word, tone = state_of(endpoint)
        latest = [(row, tone_of(row)) for row in endpoint.deliveries.order_by("-pk")[:LATEST]]
        return page(
            request,
            "admin/webhooks/endpoint/page.html",
            title=endpoint.name,
            crumbs=[("Webhooks", to("webhooks_endpoint_changelist"))],
            endpoint=endpoint,
            form=form,
            state=word,
            tone=tone,
            secret=endpoints.shown_secret(endpoint),
            old_secret_expires_at=endpoint.old_secret_expires_at
            if endpoint.old_secret_expires_at and endpoint.old_secret_expires_at > now()
            else None,
            latest=latest,
            has_failed=endpoint.deliveries.filter(state=Delivery.State.FAILED).exists(),
        )

    # --- acts

    def send_test(self, request: HttpRequest, pk: int) -> HttpResponse:
        endpoint = self._endpoint(request, pk)
        try:
            endpoints.send_test(endpoint, by=actor(request))
        except WebhookError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, "A test is on its way. Look at the log in a moment.")
        return redirect(to("webhooks_endpoint_change", pk))

    def rotate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask on GET; make a new secret on POST."""
        endpoint = self._endpoint(request, pk)
        if request.method == "POST":
            endpoints.rotate(endpoint, by=actor(request))
            messages.success(request, "There is a new secret. The old one signs as well until the time that is shown.")
            return redirect(to("webhooks_endpoint_change", pk))
        return page(
            request,
            "admin/webhooks/endpoint/rotate.html",
            title="New secret",
            crumbs=self._crumbs(endpoint),
            endpoint=endpoint,
        )

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask since when on GET; queue what failed since then on POST."""
        endpoint = self._endpoint(request, pk)
        form = ReplayForm(request.POST or None, initial={"since": now() - timedelta(days=1)})
        if request.method == "POST" and form.is_valid():
            try:
                count = replays.replay_failed(endpoint, since=form.cleaned_data["since"], by=actor(request))
            except WebhookError as refused:
                messages.error(request, str(refused))
            else:
                messages.success(request, f"{count:,} {'event is' if count == 1 else 'events are'} sent again.")
            return redirect(to("webhooks_endpoint_change", pk))
        template = "admin/webhooks/endpoint/replay.html"
        return page(request, template, title="Replay", crumbs=self._crumbs(endpoint), endpoint=endpoint, form=form)

    def ask_delete(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask on GET; delete on POST."""
        endpoint = self._endpoint(request, pk)
        if request.method == "POST":
            endpoints.delete(endpoint, by=actor(request))
            messages.success(request, f"The webhook “{endpoint.name}” is deleted.")
            return redirect(to("webhooks_endpoint_changelist"))
        return page(
            request,
            "admin/parts/delete.html",
            title="Delete",
            crumbs=self._crumbs(endpoint),
            what=f"the webhook “{endpoint.name}”",
            keeps="Its log goes with it, and what still waits for it is not sent.",
            action=to("webhooks_endpoint_delete", pk),
            back=to("webhooks_endpoint_change", pk),
        )

    def _endpoint(self, request: HttpRequest, pk: int | str) -> Endpoint:
        found = self.get_object(request, str(pk))
        if found is None:
            raise Http404("There is no such webhook.")
        if not self.has_change_permission(request, found):
            raise PermissionDenied
        return found

    def _crumbs(self, endpoint: Endpoint) -> list[tuple[str, str]]:
        here = to("webhooks_endpoint_change", endpoint.pk)
        return [("Webhooks", to("webhooks_endpoint_changelist")), (endpoint.name, here)]


def state_of(endpoint: Endpoint) -> tuple[str, str]:
    """A word, and the tone of its badge."""
    if endpoint.switched_off_at:
        return "Switched off", "red"
    if not endpoint.is_active:
        return "Off", "plain"
    return ("Failing", "amber") if endpoint.failing_since else ("Active", "green")

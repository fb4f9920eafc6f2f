"""The log of webhooks: what was sent where, what was answered, and sending it again."""

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from accounts.admin.base import ReadOnlyAdmin, RelatedFilter
from accounts.admin.desk import actor
from accounts.admin.pages import page, to
from webhooks import replays
from webhooks.endpoints import MANAGE
from webhooks.errors import WebhookError
from webhooks.models import Delivery, Endpoint

State = Delivery.State
TONES = {State.WAITING: "blue", State.DELIVERED: "green", State.FAILED: "red"}


class EndpointFilter(RelatedFilter):
    title = "webhook"
    parameter_name = "webhook"
    model: ClassVar = Endpoint
    path: ClassVar = "endpoint"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin[Delivery]):
    view_permission = MANAGE
    list_title = "Webhook log"
    list_display = ("event", "endpoint", "badge", "answer", "tries", "created_at")
    list_filter = ("state", "event", EndpointFilter)
    list_select_related = ("endpoint",)
    search_fields = ("public_id",)
    ordering = ("-pk",)
    empty_icon = "receipt_long"
    empty_state = "What is sent to webhooks is kept here for a while, with what was answered."

    @admin.display(description="State", ordering="state")
    def badge(self, delivery: Delivery) -> SafeString:
        tone = tone_of(delivery)
        return format_html('<span class="bs-badge bs-badge--{}">{}</span>', tone, delivery.get_state_display())

    @admin.display(description="Last answer")
    def answer(self, delivery: Delivery) -> str:
        return delivery.error or (f"{delivery.answer_status}" if delivery.answer_status else "–")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        again = path("<int:pk>/replay/", wrap(require_POST(self.replay)), name="webhooks_delivery_replay")
        return [again, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What was sent, and each try of it."""
        delivery = self._delivery(request, object_id)
        history = [{**each, "at": parse_datetime(each["at"])} for each in reversed(delivery.history)]
        return page(
            request,
            "admin/webhooks/delivery/page.html",
            title=delivery.event,
            crumbs=[
                ("Webhooks", to("webhooks_endpoint_changelist")),
                (delivery.endpoint.name, to("webhooks_endpoint_change", delivery.endpoint_id)),
            ],
            delivery=delivery,
            tone=tone_of(delivery),
            body=json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False),
            history=history,
        )

    def replay(self, request: HttpRequest, pk: int) -> HttpResponse:
        delivery = self._delivery(request, pk)
        try:
            again = replays.replay(delivery, by=actor(request))
        except WebhookError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, "It is sent again." if again else "It waits to be sent anyway.")
        return redirect(to("webhooks_delivery_change", pk))

    def _delivery(self, request: HttpRequest, pk: int | str) -> Delivery:
        found = self.get_object(request, str(pk))
        if found is None:
            raise Http404("There is no such delivery.")
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found


def tone_of(delivery: Delivery) -> str:
    return TONES[State(delivery.state)]

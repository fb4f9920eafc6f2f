"""The built-in inbox: messages that stayed on this machine, to read as their recipients would."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin
from accounts.admin.pages import page, to
from accounts.permissions import Permission
from content.admin.frames import mail_frame
from delivery.models import InboxMessage


@admin.register(InboxMessage)
class InboxAdmin(ReadOnlyAdmin[InboxMessage]):
    view_permission = Permission.UPDATE
    list_title = "Inbox"
    list_display = ("message", "recipient", "sender", "received_at")
    list_filter = ("channel",)
    search_fields = ("recipient", "subject")
    ordering = ("-pk",)
    empty_icon = "inbox"
    empty_state = (
        "Unless another relay is set up, mail and SMS end here instead of leaving this machine. Send a test to see one."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxMessage]:
        return super().get_queryset(request).defer("raw")

    @admin.display(description="Message", ordering="subject")
    def message(self, message: InboxMessage) -> SafeString:
        icon = "sms" if message.channel == InboxMessage.Channel.SMS else "mail"
        return format_html('<span class="bs-icon" aria-hidden="true">{}</span> {}', icon, _title(message))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        views: list[tuple[str, Any, str]] = [
            ("<int:pk>/change/", self.message_page, "change"),
            ("<int:pk>/body/", self.body, "body"),
            ("<int:pk>/raw/", self.raw, "raw"),
        ]
        ours = [path(route, wrap(view), name=f"delivery_inboxmessage_{name}") for route, view, name in views]
        return [*ours, *super().get_urls()]

    def message_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One message: its headers, its parts, the raw bytes to download."""
        found = self._message(request, pk)
        parsed = _parsed(found)
        return page(
            request,
            "admin/delivery/inboxmessage/message.html",
            title=_title(found),
            crumbs=[("Inbox", to("delivery_inboxmessage_changelist"))],
            message=found,
            headers=[(name, str(value)) for name, value in parsed.items()] if parsed else [],
            html=bool(parsed and _part(parsed, "html")),
            text=_part(parsed, "plain") if parsed else bytes(found.raw).decode("utf-8", "replace"),
        )

    def body(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML part alone, for the sandboxed frame."""
        parsed = _parsed(self._message(request, pk))
        return mail_frame(_part(parsed, "html") if parsed else "")

    def raw(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Exactly the bytes that were accepted."""
        found = self._message(request, pk)
        return HttpResponse(
            bytes(found.raw),
            content_type="message/rfc822" if found.channel == InboxMessage.Channel.EMAIL else "text/plain",
            headers={"Content-Disposition": f'attachment; filename="message-{found.pk}.eml"'},
        )

    def _message(self, request: HttpRequest, pk: int) -> InboxMessage:
        found = self.get_object(request, str(pk))
        if found is None or not self.has_view_permission(request, found):
            raise Http404("There is no such message.")
        return found


def _title(message: InboxMessage) -> str:
    is_text = message.channel == InboxMessage.Channel.SMS
    return message.subject or ("Text message" if is_text else "(no subject)")


def _parsed(message: InboxMessage) -> EmailMessage | None:
    """None for a text message."""
    if message.channel != InboxMessage.Channel.EMAIL:
        return None
    return BytesParser(policy=policy.default).parsebytes(bytes(message.raw))


def _part(message: EmailMessage, kind: str) -> str:
    """The text of the part of this kind, or nothing."""
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part else ""

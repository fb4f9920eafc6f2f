"""The public pages behind links in mails. Opens and clicks are answered before Django, in `endpoints`."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from tracking import joining_pages, pages, preference_page, sms_gateway

urlpatterns: list[URLPattern | URLResolver] = [
    path("u/<str:token>", pages.unsubscribe, name="unsubscribe"),
    path("u/<str:token>/", pages.unsubscribe),
    path("p/<str:token>", preference_page.show, name="preferences"),
    path("p/<str:token>/", preference_page.show),
    path("s/<str:list_id>", joining_pages.subscribe, name="subscribe"),
    path("s/<str:list_id>/", joining_pages.subscribe),
    path("confirm/<str:token>", joining_pages.confirm, name="confirm"),
    path("confirm/<str:token>/", joining_pages.confirm),
    path("sms/receipts", sms_gateway.receipts, name="sms_receipts"),
    path("sms/messages", sms_gateway.messages, name="sms_messages"),
]


def of_providers() -> list[URLResolver]:
    """Where email service providers post to, `/esp/<provider>/tracking/`; only where their secret is set."""
    return [path("esp/", include("tracking.esp_urls"))] if settings.ESP_WEBHOOK_SECRET else []


urlpatterns += of_providers()

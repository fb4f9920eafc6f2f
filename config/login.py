"""Logging in: by username or address, with a second factor for who has set one up, and limits on guessing."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from tracking.clients import client_address


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Accounts are made by administrators, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Believes the proxies that the rest of Broadsheet believes (TRUSTED_PROXIES)."""
        return client_address(request.META)


def not_here(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """People do not change their own address: members are added by address, and whoever may take any may join."""
    raise Http404


urlpatterns = [
    path("email/", not_here, name="account_email"),
    path("confirm-email/", not_here, name="account_email_verification_sent"),
    path("", include("allauth.urls")),
]

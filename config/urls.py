"""Every address the web server answers, one line a room."""

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.urls import include, path

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
for model in (EmailAddress, Authenticator):  # allauth's own pages for these are not in the admin's theme
    if admin.site.is_registered(model):
        admin.site.unregister(model)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/", include("config.login")),
    path("api/management/", include("api.management.urls")),
    path("", include("api.octeth.urls")),
    path("", include("api.greenarrow.urls")),
    path("", include("tracking.urls")),
    path("", include("delivery.urls")),
    path("", include("campaigns.urls")),
]

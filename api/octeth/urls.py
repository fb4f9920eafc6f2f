"""`/api.php` and `/api/v1/<command>`; neither is redirected to with or without a slash."""

from django.urls import path, re_path

from api.octeth import dispatch, registry

registry.load()

urlpatterns = [
    path("api.php", dispatch.legacy, name="octeth-api"),
    path("api.php/", dispatch.legacy),
    re_path(r"^api/v1/(?P<name>[^/]*)/?$", dispatch.modern, name="octeth-command"),
]

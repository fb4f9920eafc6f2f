"""Every address the web server answers, one line a room."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/management/", include("api.management.urls")),
    path("", include("tracking.urls")),
]

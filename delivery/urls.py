"""The public pages of this room."""

from django.urls import path

from delivery.forward_page import forward
from delivery.web_version import web_version

urlpatterns = [
    path("w/<str:token>", web_version, name="web_version"),
    path("f/<str:token>", forward, name="forward"),
    path("f/<str:token>/", forward),
]

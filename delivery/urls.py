"""The public page of this room."""

from django.urls import path

from delivery.web_version import web_version

urlpatterns = [path("w/<str:token>", web_version, name="web_version")]

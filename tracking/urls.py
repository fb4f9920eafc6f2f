"""The public page behind the unsubscribe links. Opens and clicks are answered before Django, in `endpoints`."""

from django.urls import path

from tracking import pages

urlpatterns = [
    path("u/<str:token>", pages.unsubscribe, name="unsubscribe"),
    path("u/<str:token>/", pages.unsubscribe),
]

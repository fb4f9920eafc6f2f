"""The public pages behind links in mails. Opens and clicks are answered before Django, in `endpoints`."""

from django.urls import path

from tracking import joining_pages, pages, preference_page

urlpatterns = [
    path("u/<str:token>", pages.unsubscribe, name="unsubscribe"),
    path("u/<str:token>/", pages.unsubscribe),
    path("p/<str:token>", preference_page.show, name="preferences"),
    path("p/<str:token>/", preference_page.show),
    path("s/<str:list_id>", joining_pages.subscribe, name="subscribe"),
    path("s/<str:list_id>/", joining_pages.subscribe),
    path("confirm/<str:token>", joining_pages.confirm, name="confirm"),
    path("confirm/<str:token>/", joining_pages.confirm),
]

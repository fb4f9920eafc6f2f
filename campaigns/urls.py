"""The public pages of this room: the archive, and the calendar for those who know its address."""

from django.urls import path

from campaigns import archive_pages as pages
from campaigns.calendar_pages import calendar_feed

urlpatterns = [
    path("calendar/<str:token>.ics", calendar_feed, name="calendar_feed"),
    path("archive/tag/<int:number>", pages.tag),
    path("archive/tag/<int:number>/", pages.tag, name="archive_tag"),
    path("archive/tag/<int:number>/feed/", pages.tag_feed, name="archive_tag_feed"),
    path("archive/<slug:name>/", pages.organization, name="archive"),
    path("archive/<slug:name>/feed/", pages.organization_feed, name="archive_feed"),
    path("archive/<slug:name>/<slug:public_id>/", pages.campaign, name="archive_campaign"),
]

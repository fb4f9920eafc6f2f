"""The public pages of this room: the archive."""

from django.urls import path

from campaigns import archive_pages as pages

urlpatterns = [
    path("archive/tag/<int:number>", pages.tag),
    path("archive/tag/<int:number>/", pages.tag, name="archive_tag"),
    path("archive/tag/<int:number>/feed/", pages.tag_feed, name="archive_tag_feed"),
    path("archive/<slug:name>/", pages.organization, name="archive"),
    path("archive/<slug:name>/feed/", pages.organization_feed, name="archive_feed"),
    path("archive/<slug:name>/<slug:public_id>/", pages.campaign, name="archive_campaign"),
]

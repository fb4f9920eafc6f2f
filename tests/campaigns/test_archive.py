"""The public archive: what is in it, for whom, and in which form."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from accounts.models import Organization
from campaigns import archive, drafts, lifecycle
from campaigns.models import Campaign, CampaignRun
from content.models import Email
from splittests import course
from splittests.models import SplitTestRun
from tests.conftest import acting
from tests.factories import EmailFactory, OrganizationFactory, campaign_in, staff
from tests.splittests.test_course import planned, sent_to, started
from tracking import spool

pytestmark = pytest.mark.django_db
UNSUBSCRIBE = "<a href='{{ unsubscribe_url }}'>Unsubscribe</a>"
SHELF = "/archive/morning-post/"


@pytest.fixture(autouse=True)
def base(settings):
    settings.BASE_URL = "https://mail.news.example"


def published(organization, state="sent", *, subject="Good morning", **about):
    email = EmailFactory(organization=organization, subject=subject, **about.pop("email", {}))
    return campaign_in(state, organization, email=email, is_public=True, **about)


def path_of(campaign):
    return f"/archive/{campaign.organization.slug}/{campaign.public_id}/"


def test_a_sent_campaign_that_is_public_is_listed_and_can_be_read(client, organization):
    campaign = published(organization, name="Internal name", subject="Spring is here")

    listed, read = client.get(SHELF), client.get(path_of(campaign))

    assert "Spring is here" in listed.text
    assert f"https://mail.news.example{path_of(campaign)}" in listed.text
    assert "Internal name" not in listed.text + read.text
    assert "Hello reader" in read.text
    assert "Unsubscribe" not in read.text
    assert "mail.news.example" not in read.text


@pytest.mark.parametrize("state", ["draft", "scheduled", "sending", "failed", "cancelled"])
def test_what_was_not_sent_is_not_there(client, organization, state):
    campaign = published(organization, state)

    assert client.get(path_of(campaign)).status_code == 404
    assert "Good morning" not in client.get(SHELF).text
    assert archive.url_of(campaign) is None


def test_what_is_not_public_deleted_or_no_email_is_not_there(client, organization, alice):
    hidden = campaign_in("sent", organization)
    sms = campaign_in("sent", organization, channel="sms", is_public=True)
    deleted = published(organization)
    lifecycle.delete(deleted, by=acting(alice))

    for campaign in (hidden, sms, deleted):
        assert client.get(path_of(campaign)).status_code == 404
        assert archive.url_of(Campaign.objects.get(pk=campaign.pk)) is None
    assert "Nothing here yet" in client.get(SHELF).text


def test_an_organization_shows_its_own_alone(client, organization):
    stranger = OrganizationFactory(slug="evening-star")
    campaign = published(organization)

    assert client.get(f"/archive/evening-star/{campaign.public_id}/").status_code == 404
    assert "Nothing here yet" in client.get("/archive/evening-star/").text
    Organization.objects.filter(pk=organization.pk).update(is_active=False)
    assert client.get(SHELF).status_code == client.get(path_of(campaign)).status_code == 404
    assert stranger.is_active


def test_the_public_id_of_an_organization_leads_there_too(client, organization):
    campaign = published(organization)

    assert client.get(f"/archive/{organization.public_id}/{campaign.public_id}/").status_code == 200
    assert "Good morning" in client.get(f"/archive/{organization.public_id}/").text


@pytest.mark.parametrize(
    "path", ["/archive/nobody/", "/archive/nobody/feed/", "/archive/tag/1/", "/archive/tag/1/feed/"]
)
def test_what_is_not_there_is_a_plain_404(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert "There is nothing to read here" in answer.text


def test_a_tag_shows_what_carries_it(client, organization):
    published(organization, subject="About sports", tags=["Sports"])
    tagged = published(organization, subject="About money", tags=["Money"])
    tag = tagged.tags.get()

    text = client.get(f"/archive/tag/{tag.pk}").text

    assert "Morning Post: Money" in text
    assert "About money" in text
    assert "About sports" not in text


def test_a_tag_that_nothing_public_carries_is_not_named(client, organization):
    campaign = campaign_in("sent", organization, tags=["Late payers"])

    for path in ("", "feed/"):
        answer = client.get(f"/archive/tag/{campaign.tags.get().pk}/{path}")
        assert answer.status_code == 200
        assert "Late payers" not in answer.text
        assert "Morning Post" not in answer.text


def test_what_it_shows_is_what_was_sent_and_not_what_was_edited_later(client, organization):
    campaign = published(organization, subject="As sent")
    email = campaign.variants.get().email
    email.subject, email.html = "Edited", "<p>Edited</p>"
    email.save()

    assert "As sent" in client.get(SHELF).text
    assert "Edited" not in client.get(path_of(campaign)).text


def test_of_several_runs_the_last_is_shown(client, organization):
    campaign = published(organization)
    later = CampaignRun.objects.create(campaign=campaign, number=2)
    first = campaign.runs.get(number=1).contents.get()
    first.pk, first.run, first.subject, first.html = None, later, "Second issue", "<p>Second body</p>"
    first.save()

    assert "Second issue" in client.get(SHELF).text
    assert "Second body" in client.get(path_of(campaign)).text


def test_of_several_variants_the_one_that_went_to_the_rest_is_shown_or_else_the_first(client, organization):
    campaign = planned(organization=organization, when_unclear="ask")
    second = campaign.variants.get(name="B")
    Email.objects.filter(pk=second.email_id).update(subject="Good evening", html=f"{UNSUBSCRIBE}<p>Late news.</p>")
    Campaign.objects.filter(pk=campaign.pk).update(is_public=True)
    run = started(campaign)
    sent_to(run)
    course.hold(run)
    course.choose(SplitTestRun.objects.get(), second, by=staff(organization), reason="It is late.")
    course.free(SplitTestRun.objects.get())
    sent_to(run)
    lifecycle.finish(campaign)

    assert "Late news." in client.get(path_of(campaign)).text
    assert "Good evening" in client.get(SHELF).text
    SplitTestRun.objects.update(chosen=None, chosen_at=None)
    assert "Late news." not in client.get(path_of(campaign)).text
    assert "Good evening" not in client.get(SHELF).text


def test_a_mail_that_needs_somebodys_values_is_listed_without_them(client, organization):
    campaign = published(organization)
    campaign.runs.get().contents.update(subject="{{ x|no_such_filter }}", html="{{ x|no_such_filter }}")

    assert archive.UNTITLED in client.get(SHELF).text
    assert client.get(path_of(campaign)).status_code == 404


def test_a_campaign_can_be_taken_out_long_after_it_was_sent(client, organization, alice):
    campaign = published(organization)
    drafts.edit(campaign, by=acting(alice), is_public=False)

    assert client.get(path_of(campaign)).status_code == 404


# --- pages -------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(organization):
    """Five, of which the two oldest finished in the same moment."""
    made = [published(organization, subject=f"Issue {number}") for number in range(5)]
    start = made[0].finished_at or Campaign.objects.get(pk=made[0].pk).finished_at
    for number, campaign in enumerate(made):
        moment = start + timedelta(hours=max(number, 1))
        Campaign.objects.filter(pk=campaign.pk).update(finished_at=moment)
    return made


def test_pages_go_on_where_the_last_one_ended(organization, many, monkeypatch):
    shelf, seen, place = archive.Shelf.of("morning-post"), [], ""
    for _ in range(3):
        entries, place = shelf.page(place, size=2)
        seen += [each.said.subject for each in entries]

    assert seen == ["Issue 4", "Issue 3", "Issue 2", "Issue 1", "Issue 0"]
    assert place == ""


def test_a_list_costs_the_same_however_long_it_is(client, many, django_assert_num_queries):
    with django_assert_num_queries(3):
        client.get(SHELF)
    published(many[0].organization)
    with django_assert_num_queries(3):
        client.get(SHELF)


def test_older_and_newest_are_linked(client, organization, many, monkeypatch):
    monkeypatch.setattr(archive.Shelf.page, "__kwdefaults__", {"size": 2})

    first = client.get(SHELF).text
    place = first.split("?before=")[1].split('"')[0]
    second = client.get(f"{SHELF}?before={place}").text

    assert "Older" in first
    assert "Newest" not in first
    assert "Issue 2" in second
    assert "Newest" in second


@pytest.mark.parametrize("place", ["x", "1", "1-x", "9" * 40 + "-1", "-", "1-" + "9" * 40, "%00"])
def test_a_place_no_page_gave_leads_nowhere(client, organization, place):
    published(organization)

    assert client.get(f"{SHELF}?before={place}").status_code in (200, 404)


def test_the_end_says_so(client, organization):
    campaign = Campaign.objects.get(pk=published(organization).pk)
    end = archive._place(campaign)

    assert "Nothing older" in client.get(f"{SHELF}?before={end}").text


# --- how it is served --------------------------------------------------------------------------------------------


def test_a_campaign_is_served_in_a_sandbox(client, organization, own_spool):
    answer = client.get(path_of(published(organization)))

    assert answer["Content-Security-Policy"].startswith("sandbox ")
    assert "allow-scripts" not in answer["Content-Security-Policy"]
    assert "allow-same-origin" not in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "public, max-age=300"
    assert not answer.cookies
    assert spool.files(own_spool) == []


def test_lists_run_no_script(client, organization):
    policy = client.get(SHELF)["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script" not in policy


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_can_be_sent_to_it(client, organization, method):
    campaign = published(organization)

    for path in (SHELF, f"{SHELF}feed/", path_of(campaign)):
        assert getattr(client, method)(path).status_code == 405


@pytest.mark.parametrize("path", ["feed/", "<campaign>/"])
def test_what_has_not_changed_is_not_sent_again(client, organization, path):
    path = SHELF + path.replace("<campaign>", published(organization).public_id)
    first = client.get(path)

    again = client.get(path, headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again["Content-Security-Policy"] == first["Content-Security-Policy"]  # the browser keeps the later one


def test_a_new_campaign_changes_the_feed(client, organization):
    published(organization)
    first = client.get(f"{SHELF}feed/")
    published(organization, subject="Another one")

    assert client.get(f"{SHELF}feed/", headers={"if-none-match": first["ETag"]}).status_code == 200


def test_what_left_the_archive_leaves_the_feed_of_those_who_ask_by_date(client, organization, alice):
    campaign, _ = published(organization), published(organization)
    first = client.get(f"{SHELF}feed/")
    drafts.edit(campaign, by=acting(alice), is_public=False)

    asked = {"if-none-match": first["ETag"], "if-modified-since": first["Last-Modified"]}
    assert client.get(f"{SHELF}feed/", headers=asked).text.count("<item>") == 1


def test_search_engines_are_kept_out_where_the_setting_says_so(client, organization, settings):
    campaign = published(organization)
    assert "X-Robots-Tag" not in client.get(path_of(campaign))
    assert 'content="index, follow"' in client.get(SHELF).text

    settings.ARCHIVE_INDEXED = False

    assert client.get(path_of(campaign))["X-Robots-Tag"] == "noindex, nofollow"
    assert 'content="noindex, nofollow"' in client.get(SHELF).text


# --- feeds -------------------------------------------------------------------------------------------------------


def test_the_feed_is_rss_with_absolute_addresses(client, organization):
    campaign = published(organization, email={"preheader": "For {{ first_name|default('all') }}"})
    campaign.runs.get().contents.update(subject="Fish & <chips>\x0b 鯉")

    answer = client.get(f"{SHELF}feed/")

    assert answer["Content-Type"] == "application/rss+xml; charset=utf-8"
    assert answer["Last-Modified"]
    channel = ElementTree.fromstring(answer.content).find("channel")  # noqa: S314 - we wrote it
    atom = channel.find("{http://www.w3.org/2005/Atom}link")
    assert (atom.get("rel"), atom.get("href")) == ("self", f"https://mail.news.example{SHELF}feed/")
    assert channel.findtext("link") == f"https://mail.news.example{SHELF}"
    (item,) = channel.findall("item")
    assert item.findtext("title").replace(" ", "") == "Fish&<chips>鯉"
    assert item.findtext("description") == "For all"
    assert item.findtext("link") == f"https://mail.news.example{path_of(campaign)}"
    assert (item.findtext("guid"), item.find("guid").get("isPermaLink")) == (campaign.public_id, "false")
    assert item.findtext("pubDate").endswith("+0000")


def test_a_tag_has_a_feed(client, organization):
    published(organization, subject="About sports", tags=["Sports"])
    tag = published(organization, subject="About money", tags=["Money"]).tags.get()

    text = client.get(f"/archive/tag/{tag.pk}/feed/").text

    assert "About money" in text
    assert "About sports" not in text
    assert f"https://mail.news.example/archive/tag/{tag.pk}/" in text


def test_an_empty_feed_is_a_feed(client, organization):
    channel = ElementTree.fromstring(client.get(f"{SHELF}feed/").content).find("channel")  # noqa: S314 - we wrote it

    assert channel.findall("item") == []
    assert channel.findtext("title") == "Morning Post"


# --- the setting -------------------------------------------------------------------------------------------------


def test_both_settings_are_copied(organization, alice):
    campaign = published(organization, tracks_conversions=True, analytics_domains="*")

    twin = drafts.copy(campaign, by=acting(alice))

    assert (twin.is_public, twin.tracks_conversions, twin.analytics_domains, twin.state) == (True, True, "*", "draft")


def test_neither_setting_voids_an_approval(organization):
    campaign = campaign_in("pending_approval", organization)
    lifecycle.approve(campaign, by=staff(organization, "approver"))

    changed = drafts.edit(
        campaign, by=staff(organization, "manager"), is_public=True, tracks_conversions=True, analytics_domains="*"
    )

    assert Campaign.objects.get(pk=changed.pk).state == "scheduled"
    assert changed.approved_revision


def test_the_admin_shows_it_and_takes_it_out(client, organization, bob, victor):
    campaign = campaign_in("sent", organization)
    page, act = (reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk]) for name in ("change", "publish"))
    client.force_login(bob)

    client.post(act, {"is_public": "yes"})
    assert f"https://mail.news.example{path_of(campaign)}" in client.get(page).text
    assert client.get(path_of(campaign)).status_code == 200
    client.post(act, {"is_public": "no"})
    assert client.get(path_of(campaign)).status_code == 404

    client.force_login(victor)
    assert client.post(act, {"is_public": "yes"}).status_code == 403
    assert not Campaign.objects.get(pk=campaign.pk).is_public

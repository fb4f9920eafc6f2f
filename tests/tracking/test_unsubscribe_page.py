import re
from contextlib import contextmanager
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils.timezone import now

from audience import subscriptions as audience
from audience.models import Subscription
from campaigns.drafts import Part
from campaigns.models import CampaignRun
from content.tokens import Purpose, recipient_token
from stats.ingest import ingest
from stats.models import Counter, StrayHit
from tests.factories import (
    MailingListFactory,
    SegmentFactory,
    SubscriberFactory,
    SubscriptionFactory,
    draft_campaign,
)
from tests.stats.populations import a_run
from tracking import spool
from tracking.private_pages import masked

pytestmark = pytest.mark.django_db

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def news(organization):
    return MailingListFactory(organization=organization, name="Daily news")


@pytest.fixture
def sports(organization):
    return MailingListFactory(organization=organization, name="Sports")


@pytest.fixture
def reader(organization, news, sports):
    """Somebody on both lists."""
    person = SubscriberFactory(organization=organization, email="reader@example.com")
    for mailing_list in (news, sports):
        SubscriptionFactory(mailing_list=mailing_list, subscriber=person)
    return person


def link(reader, *parts, run=None, purpose=Purpose.UNSUBSCRIBE):
    """The unsubscribe link of a mail of a campaign to these parts."""
    run = run or CampaignRun.objects.create(
        campaign=draft_campaign(reader.organization, people=0, audience=list(parts))
    )
    token = recipient_token(purpose, run_id=run.pk, recipient_id=4711, subscriber_id=reader.pk)
    return f"/u/{token}"


def statuses(reader):
    rows = reader.subscriptions.order_by("mailing_list__name").values_list("mailing_list__name", "status")
    return dict(rows)


def hits(folder):
    return [record.hit for path in spool.files(folder) for record in spool.read(path)]


@contextmanager
def database_away():
    def refuse(execute, sql, params, many, context):
        raise OperationalError("The server is not there.")

    with connection.execute_wrapper(refuse):
        yield


BOTH = {"Daily news": "subscribed", "Sports": "subscribed"}


def test_the_page_names_the_organization_the_list_and_the_person(client, reader, news):
    page = client.get(link(reader, Part(mailing_list=news)))

    text = page.content.decode()
    assert page.status_code == 200
    assert "Unsubscribe from Morning Post?" in text
    assert "<li>Daily news</li>" in text
    assert "r•••@example.com" in text
    assert "reader@example.com" not in text  # the mail may have been forwarded


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_looking_changes_nothing(client, reader, news, own_spool, method):
    url = link(reader, Part(mailing_list=news))

    getattr(client, method)(url)
    getattr(client, method)(url + "?List-Unsubscribe=One-Click&confirm=1")

    assert statuses(reader) == BOTH
    assert hits(own_spool) == []


@pytest.mark.parametrize("method", ["options", "put", "delete", "patch", "trace"])
def test_what_is_answered_to_other_methods_is_as_private_as_the_page(client, reader, news, method):
    url = link(reader, Part(mailing_list=news))
    page, refused = client.get(url), getattr(client, method)(url)

    assert (refused.status_code, refused["Allow"]) == (405, "GET, HEAD, POST")
    for header in ("Cache-Control", "Referrer-Policy", "X-Frame-Options", "X-Robots-Tag"):
        assert refused[header] == page[header]
    assert "default-src 'none'" in refused["Content-Security-Policy"]


def test_the_button_ends_the_subscription_at_once(client, reader, news, own_spool):
    page = client.post(link(reader, Part(mailing_list=news)), {"confirm": "1"}, REMOTE_ADDR="192.0.2.8")

    assert "You are unsubscribed" in page.content.decode()
    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "subscribed"}
    row = reader.subscriptions.get(mailing_list=news)
    assert (row.unsubscribe_source, row.unsubscribe_ip_address) == ("page", "192.0.2.8")
    [hit] = hits(own_spool)
    assert (hit.kind, hit.subscriber_id, hit.data["applied"]) == ("unsubscribed", reader.pk, True)


def test_one_click_ends_the_subscription_at_once(client, reader, news, own_spool):
    page = client.post(link(reader, Part(mailing_list=news)), ONE_CLICK)

    assert (page.status_code, page["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "subscribed"}
    assert reader.subscriptions.get(mailing_list=news).unsubscribe_source == "one-click"
    assert [hit.data["source"] for hit in hits(own_spool)] == ["one-click"]


@pytest.mark.parametrize(
    "body",
    [
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": ONE_CLICK},  # multipart/form-data; the RFC allows both
    ],
)
def test_one_click_needs_no_cookie_and_takes_both_encodings(reader, news, body):
    page = Client(enforce_csrf_checks=True).post(link(reader, Part(mailing_list=news)), **body)

    assert page.status_code == 200
    assert not page.cookies
    assert statuses(reader)["Daily news"] == "unsubscribed"


def test_posting_twice_is_like_once(client, reader, news):
    url = link(reader, Part(mailing_list=news))
    client.post(url, ONE_CLICK)
    before = reader.subscriptions.get(mailing_list=news).unsubscribed_at

    page = client.post(url, ONE_CLICK)

    assert page.status_code == 200
    assert reader.subscriptions.get(mailing_list=news).unsubscribed_at == before


@pytest.mark.parametrize("data", [{}, {"List-Unsubscribe": "yes"}, {"email": "reader@example.com"}])
def test_a_post_that_does_not_ask_for_it_changes_nothing(client, reader, news, own_spool, data):
    page = client.post(link(reader, Part(mailing_list=news)), data)

    assert page.status_code == 400
    assert "Unsubscribe from Morning Post?" in page.content.decode()
    assert statuses(reader) == BOTH
    assert hits(own_spool) == []


# --- what it is about --------------------------------------------------------------------------------------------


def test_all_lists_the_campaign_addressed_are_ended(client, reader, news, sports, organization):
    other = MailingListFactory(organization=organization, name="Weather")
    SubscriptionFactory(mailing_list=other, subscriber=reader)

    client.post(link(reader, Part(mailing_list=news), Part(mailing_list=sports)), ONE_CLICK)

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "unsubscribed", "Weather": "subscribed"}


def test_an_excluded_list_was_not_addressed(client, reader, news, sports):
    client.post(link(reader, Part(mailing_list=news), Part(mailing_list=sports, excluded=True)), ONE_CLICK)

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "subscribed"}


def test_a_segment_of_lists_stands_for_these_lists(client, reader, news, organization):
    segment = SegmentFactory(organization=organization)
    segment.mailing_lists.add(news)

    client.post(link(reader, Part(segment=segment)), ONE_CLICK)

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "subscribed"}


def test_a_segment_of_everybody_stands_for_all_lists(client, reader, news, organization):
    segment = SegmentFactory(organization=organization)
    url = link(reader, Part(mailing_list=news), Part(segment=segment))

    assert "<li>Sports</li>" in client.get(url).content.decode()
    client.post(url, ONE_CLICK)

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "unsubscribed"}


def test_everything_can_be_ended_where_more_is_left(client, reader, news):
    url = link(reader, Part(mailing_list=news))

    assert "Unsubscribe from everything" in client.get(url).content.decode()
    client.post(url, {"everything": "1"})

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "unsubscribed"}
    assert "You are not subscribed" in client.get(url).content.decode()


def test_lists_of_other_organizations_are_not_touched(client, reader, news):
    stranger = SubscriptionFactory(subscriber__email="reader@example.com")

    client.post(link(reader, Part(mailing_list=news)), {"everything": "1"})

    stranger.refresh_from_db()
    assert stranger.status == Subscription.Status.SUBSCRIBED


# --- undo --------------------------------------------------------------------------------------------------------


def undo_value(page):
    return re.search(r'name="undo" value="([^"]+)"', page.content.decode()).group(1)


def test_a_mistake_can_be_undone(client, reader, news, own_spool):
    url = link(reader, Part(mailing_list=news))
    done = client.post(url, {"confirm": "1"})

    page = client.post(url, {"undo": undo_value(done)})

    assert "You are subscribed again" in page.content.decode()
    assert statuses(reader) == BOTH
    ingest()
    assert statuses(reader) == BOTH  # ingest does not carry out again what was carried out


def test_undo_brings_back_only_what_was_ended(client, reader, news, sports):
    audience.unsubscribe(reader, mailing_lists=[sports], source="admin")
    url = link(reader, Part(mailing_list=news), Part(mailing_list=sports))
    done = client.post(url, {"confirm": "1"})

    client.post(url, {"undo": undo_value(done)})

    assert statuses(reader) == {"Daily news": "subscribed", "Sports": "unsubscribed"}


def test_undo_by_a_look_is_not_possible(client, reader, news):
    url = link(reader, Part(mailing_list=news))
    done = client.post(url, {"confirm": "1"})

    client.get(url, {"undo": undo_value(done)})

    assert statuses(reader)["Daily news"] == "unsubscribed"


def test_undo_of_somebody_else_is_refused(client, reader, news, organization):
    other = SubscriptionFactory(mailing_list=news, subscriber__organization=organization).subscriber
    done = client.post(link(other, Part(mailing_list=news)), {"confirm": "1"})
    url = link(reader, Part(mailing_list=news))
    client.post(url, {"confirm": "1"})

    page = client.post(url, {"undo": undo_value(done)})

    assert page.status_code == 400
    assert statuses(reader)["Daily news"] == statuses(other)["Daily news"] == "unsubscribed"


def test_a_forged_or_old_undo_is_refused(client, reader, news, time_machine):
    time_machine.move_to("2026-11-21T09:00Z")
    url = link(reader, Part(mailing_list=news))
    signed = undo_value(client.post(url, {"confirm": "1"}))

    assert client.post(url, {"undo": signed[:-1]}).status_code == 400
    time_machine.shift(25 * 3600)
    assert client.post(url, {"undo": signed}).status_code == 400

    assert statuses(reader)["Daily news"] == "unsubscribed"


# --- trouble -----------------------------------------------------------------------------------------------------


def test_a_forged_token_is_not_found(client, reader, news):
    url = link(reader, Part(mailing_list=news))

    for forged in ("/u/x", url[:-1], url + "A", link(reader, Part(mailing_list=news), purpose=Purpose.OPEN)):
        assert client.get(forged).status_code == client.post(forged, ONE_CLICK).status_code == 404

    assert statuses(reader) == BOTH


def test_a_person_of_another_organization_than_the_campaigns_is_nobody(client, reader, news):
    stranger = SubscriptionFactory().subscriber
    run = CampaignRun.objects.create(campaign=draft_campaign(reader.organization, people=0))

    assert client.get(link(stranger, run=run)).status_code == 404
    client.post(link(stranger, run=run), {"everything": "1"})

    assert stranger.subscriptions.get().status == "subscribed"


def test_who_is_not_there_any_more_is_told_so(client, reader, news):
    url = link(reader, Part(mailing_list=news))
    reader.delete()

    assert "no longer have the address" in client.get(url).content.decode()
    assert client.post(url, ONE_CLICK).status_code == 200  # a mail program should not try again for days


def test_without_the_database_the_wish_waits_in_the_spool(client, reader, news, own_spool):
    url = link(reader, Part(mailing_list=news))
    with database_away():
        assert "<button" in client.get(url).content.decode()
        page = client.post(url, {"confirm": "1"})
    assert (page.status_code, statuses(reader)) == (202, BOTH)
    assert "We have your request" in page.content.decode()
    assert [hit.data["applied"] for hit in hits(own_spool)] == [False]

    ingest()

    assert statuses(reader) == {"Daily news": "unsubscribed", "Sports": "subscribed"}


def test_one_click_without_the_database_waits_in_the_spool_too(client, reader, news):
    url = link(reader, Part(mailing_list=news))
    with database_away():
        assert client.post(url, ONE_CLICK).status_code == 200

    ingest()

    assert statuses(reader)["Daily news"] == "unsubscribed"


def test_a_wish_that_waited_does_not_end_what_was_begun_after_it(client, reader, news):
    url = link(reader, Part(mailing_list=news))
    with database_away():
        client.post(url, {"everything": "1"})
    Subscription.objects.filter(subscriber=reader, mailing_list=news).update(subscribed_at=now() + timedelta(seconds=1))

    ingest()

    assert statuses(reader) == {"Daily news": "subscribed", "Sports": "unsubscribed"}


def test_neither_database_nor_spool_is_said_and_changes_nothing(client, reader, news, own_spool):
    url = link(reader, Part(mailing_list=news))
    own_spool.write_text("a file where the folder should be")

    with database_away():
        page = client.post(url, {"confirm": "1"})

    assert (page.status_code, page["Retry-After"]) == (503, "60")
    assert "try again" in page.content.decode()


def test_a_full_disk_keeps_nobody_from_unsubscribing(client, reader, news, own_spool):
    own_spool.write_text("a file where the folder should be")

    assert client.post(link(reader, Part(mailing_list=news)), ONE_CLICK).status_code == 200

    assert statuses(reader)["Daily news"] == "unsubscribed"


def test_too_many_posts_to_one_link_wait(client, reader, news, settings):
    settings.POSTS_PER_LINK = 3
    url = link(reader, Part(mailing_list=news))

    answers = [client.post(url, ONE_CLICK).status_code for _ in range(5)]

    assert answers == [200, 200, 200, 429, 429]


def test_too_many_posts_from_one_address_wait(client, reader, news, settings):
    settings.POSTS_PER_ADDRESS = 2
    urls = [link(reader, Part(mailing_list=news)) for _ in range(3)]

    answers = [client.post(url, ONE_CLICK, REMOTE_ADDR="192.0.2.3").status_code for url in urls]

    assert answers == [200, 200, 429]
    assert client.post(urls[0], ONE_CLICK, REMOTE_ADDR="192.0.2.4").status_code == 200


# --- the page as such --------------------------------------------------------------------------------------------


def test_the_pages_are_private_and_load_nothing(client, reader, news):
    url = link(reader, Part(mailing_list=news))

    for page in (client.get(url), client.post(url, {"confirm": "1"}), client.get("/u/x")):
        policy = page["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'nonce-")
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert (page["Cache-Control"], page["Referrer-Policy"]) == ("no-store, private", "no-referrer")
        assert page["X-Frame-Options"] == "DENY"
        assert not page.cookies
        [nonce] = set(re.findall(r'nonce="([^"]+)"', page.content.decode()))
        assert f"'nonce-{nonce}'" in policy


class Landmarks(HTMLParser):
    """The tags of a page that a screen reader goes by."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_the_page_works_with_a_keyboard_and_a_screen_reader(client, reader, news):
    page = client.get(link(reader, Part(mailing_list=news))).content.decode()

    tags = Landmarks(page).tags
    names = [name for name, _ in tags]
    assert dict(tags)["html"]["lang"] == "en"
    assert names.count("main") == names.count("h1") == names.count("title") == 1
    assert "script" not in names
    assert all(attributes.get("method") == "post" for name, attributes in tags if name == "form")
    assert names.count("button") == 2


def test_a_hostile_list_name_is_text(client, reader, news):
    news.name = "<script>alert(1)</script>"
    news.save()

    page = client.get(link(reader, Part(mailing_list=news))).content.decode()

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_page_costs_a_constant_number_of_queries(client, reader, organization, django_assert_num_queries):
    def url(lists):
        rows = MailingListFactory.create_batch(lists, organization=organization)
        for row in rows:
            SubscriptionFactory(mailing_list=row, subscriber=reader)
        return link(reader, *[Part(mailing_list=row) for row in rows])

    few, many = url(1), url(8)

    with django_assert_num_queries(5):
        client.get(few)
    with django_assert_num_queries(5):
        client.get(many)


def test_an_unsubscription_is_counted_once_among_people(client, reader, news):
    run = a_run(people=1, organization=reader.organization)
    recipient = run.recipients.get()
    token = recipient_token(
        Purpose.UNSUBSCRIBE, run_id=run.pk, recipient_id=recipient.pk, subscriber_id=recipient.subscriber_id
    )
    for _ in range(2):
        client.post(f"/u/{token}", ONE_CLICK)

    ingest()

    counter = Counter.objects.get(kind="unsubscribed")
    assert (counter.total, counter.unique) == (2, 1)
    assert not StrayHit.objects.exists()


@pytest.mark.parametrize(
    ("address", "shown"),
    [("reader@example.com", "r•••@example.com"), ("a@b.c", "a•••@b.c"), ("+4930123456", "•••456"), ("", "•••")],
)
def test_an_address_is_shown_in_part(address, shown):
    assert masked(address) == shown

"""The page on which people choose their lists."""

import re

import pytest
from django.test import Client

from audience import consent
from audience.consent import Evidence
from audience.models import ConsentEvent
from campaigns.models import CampaignRun
from content.tokens import Purpose, recipient_token
from tests.factories import MailingListFactory, SubscriberFactory, SubscriptionFactory, draft_campaign
from tracking import spool

pytestmark = pytest.mark.django_db


@pytest.fixture
def lists(organization):
    """Two lists people were put on, and two public ones."""
    return {
        name: MailingListFactory(organization=organization, name=name, is_public=name in ("Recipes", "Weather"))
        for name in ("News", "Sports", "Recipes", "Weather")
    }


@pytest.fixture
def reader(organization, lists):
    """Somebody on News and Recipes."""
    person = SubscriberFactory(organization=organization, email="reader@example.com")
    for name in ("News", "Recipes"):
        SubscriptionFactory(mailing_list=lists[name], subscriber=person)
    return person


@pytest.fixture
def url(reader):
    run = CampaignRun.objects.create(campaign=draft_campaign(reader.organization, people=0))
    token = recipient_token(Purpose.PREFERENCES, run_id=run.pk, recipient_id=4711, subscriber_id=reader.pk)
    return f"/p/{token}"


def statuses(reader):
    return dict(reader.subscriptions.values_list("mailing_list__name", "status"))


def hits(folder):
    return [record.hit for path in spool.files(folder) for record in spool.read(path)]


def chosen(lists, *names, shown=("News", "Recipes", "Weather")):
    ids = {name: each.public_id for name, each in lists.items()}
    return {"save": "1", "shown": [ids[name] for name in shown], "lists": [ids[name] for name in names]}


def undo_of(page):
    return {"undo": re.search(r'name="undo" value="([^"]+)"', page.content.decode())[1]}


def test_it_offers_the_lists_they_are_on_and_the_public_ones(client, url):
    text = client.get(url).content.decode()

    assert re.findall(r"<span>([A-Z]\w+)\s", text) == ["News", "Recipes", "Weather"]
    assert text.count(" checked") == 2
    assert "r•••@example.com" in text
    assert "reader@example.com" not in text


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete", "patch"])
def test_looking_changes_nothing(client, url, reader, own_spool, method):
    for query in ("", "?everything=1", "?save=1"):
        answer = getattr(client, method)(url + query)

    assert statuses(reader) == {"News": "subscribed", "Recipes": "subscribed"}
    assert hits(own_spool) == []
    assert answer["Cache-Control"] == "no-store, private"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_saving_joins_and_leaves_and_says_so(client, url, reader, lists, own_spool):
    page = client.post(url, chosen(lists, "News", "Weather"), REMOTE_ADDR="192.0.2.8")

    text = " ".join(page.content.decode().split())
    assert "You will get:</p><ul><li>Weather</li>" in text
    assert "You will no longer get:</p><ul><li>Recipes</li>" in text
    assert statuses(reader) == {"News": "subscribed", "Recipes": "unsubscribed", "Weather": "subscribed"}
    joined, left = ConsentEvent.objects.order_by("list_name")[1], ConsentEvent.objects.order_by("list_name")[0]
    assert (joined.kind, joined.source, joined.ip_address) == ("subscribed", "preferences", "192.0.2.8")
    assert "Weather" in joined.wording
    assert (left.kind, left.list_name) == ("unsubscribed", "Recipes")
    assert [(hit.kind, hit.data["applied"]) for hit in hits(own_spool)] == [("unsubscribed", True)]


def test_saving_can_be_undone(client, url, reader, lists):
    page = client.post(url, chosen(lists, "News", "Weather"))

    client.post(url, undo_of(page))

    assert statuses(reader) == {"News": "subscribed", "Recipes": "subscribed", "Weather": "unsubscribed"}


def test_leaving_everything_can_be_undone(client, url, reader):
    page = client.post(url, {"everything": "1"})
    assert "You are unsubscribed" in page.content.decode()
    assert set(statuses(reader).values()) == {"unsubscribed"}

    client.post(url, undo_of(page))

    assert set(statuses(reader).values()) == {"subscribed"}


def test_an_undo_is_one_persons(client, url, reader, lists):
    page = client.post(url, {"everything": "1"})
    other = SubscriberFactory(organization=reader.organization)
    row = SubscriptionFactory(
        mailing_list=lists["News"], subscriber=other, status="unsubscribed", unsubscribed_at="2026-01-01T00:00Z"
    )
    token = recipient_token(
        Purpose.PREFERENCES, run_id=CampaignRun.objects.get().pk, recipient_id=1, subscriber_id=other.pk
    )

    assert client.post(f"/p/{token}", undo_of(page)).status_code == 400
    assert client.post(f"/p/{token}", {"undo": "forged"}).status_code == 400

    row.refresh_from_db()
    assert row.status == "unsubscribed"


def test_lists_that_were_not_shown_stay(client, url, reader, lists):
    client.post(url, chosen(lists, shown=("Recipes",)))

    assert statuses(reader) == {"News": "subscribed", "Recipes": "unsubscribed"}


def test_nobody_joins_a_list_that_is_not_offered(client, url, reader, lists, charlie):
    foreign = MailingListFactory(organization=charlie.memberships.get().organization, is_public=True)
    asked = {"save": "1", "shown": [lists["Sports"].public_id, foreign.public_id]}

    client.post(url, {**asked, "lists": asked["shown"]})

    assert statuses(reader) == {"News": "subscribed", "Recipes": "subscribed"}


@pytest.mark.parametrize("status", ["bounced", "complained"])
def test_a_tick_brings_nobody_back_who_bounced_or_complained(client, url, reader, lists, status):
    row = reader.subscriptions.get(mailing_list=lists["Recipes"])
    consent.move([row], status, Evidence(source="ingest"))

    assert "Recipes" not in client.get(url).content.decode()
    client.post(url, chosen(lists, "News", "Recipes"))

    assert statuses(reader)["Recipes"] == status


@pytest.mark.parametrize("data", [{}, {"lists": ["x"]}, {"email": "other@example.com"}])
def test_a_post_that_does_not_ask_for_it_changes_nothing(client, url, reader, data):
    assert client.post(url, data).status_code == 400

    assert statuses(reader) == {"News": "subscribed", "Recipes": "subscribed"}


def test_saving_what_is_there_changes_nothing(client, url, lists):
    page = client.post(url, chosen(lists, "News", "Recipes"))

    assert "Nothing has changed" in page.content.decode()
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize(
    "harm", [lambda u: u[:-1], lambda u: u + "x", lambda u: "/p/x", lambda u: u.replace("/p/", "/u/")]
)
def test_a_link_that_is_not_ours_is_not_found(client, url, reader, harm):
    page = client.post(harm(url), {"everything": "1"})

    assert page.status_code == 404
    assert set(statuses(reader).values()) == {"subscribed"}


def test_who_is_gone_is_told_so(client, url, reader):
    reader.delete()

    assert client.get(url).status_code == 404
    assert client.post(url, {"everything": "1"}).status_code == 404


def test_no_cookie_is_needed_or_set(url, reader, lists):
    page = Client(enforce_csrf_checks=True).post(url, chosen(lists, "News"))

    assert page.status_code == 200
    assert not page.cookies
    assert statuses(reader)["Recipes"] == "unsubscribed"


def test_too_many_posts_are_refused(client, url, reader, lists, settings):
    settings.POSTS_PER_LINK = 2

    answers = [client.post(url, chosen(lists, "News", "Recipes")).status_code for _ in range(3)]

    assert answers == [200, 200, 429]


def test_the_unsubscribe_page_leads_to_it(client, url, reader):
    run = CampaignRun.objects.get()
    token = recipient_token(Purpose.UNSUBSCRIBE, run_id=run.pk, recipient_id=4711, subscriber_id=reader.pk)

    for page in (client.get(f"/u/{token}"), client.post(f"/u/{token}", {"confirm": "1"})):
        assert f'href="{url}"' in page.content.decode()

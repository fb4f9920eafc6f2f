"""What holds for every address with a token in it: old keys, forged and cut tokens, and a database that is away."""

from urllib.parse import urlencode

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from content.tokens import Purpose, link_token, recipient_token
from delivery.models import Recipient
from stats.ingest import ingest
from stats.models import Refusal
from tests.delivery.states import sending
from tests.tracking.test_endpoints import STORY, ask, spooled
from tracking import private_pages
from tracking.refusals import Refusals

pytestmark = pytest.mark.django_db
# Where each purpose is asked for. VERP addresses are mail, not links.
PATHS = {
    Purpose.OPEN: "/o/<>.gif",
    Purpose.CLICK: "/c/<>/<link>",
    Purpose.PROBE: "/h/<>",
    Purpose.UNSUBSCRIBE: "/u/<>",
    Purpose.VIEW: "/w/<>",
    Purpose.PREFERENCES: "/p/<>",
    Purpose.FORWARD: "/f/<>",
    Purpose.CONVERSION: "/system/s2s-postback/?ocrid=<>",
}
HITS = [Purpose.OPEN, Purpose.CLICK, Purpose.PROBE, Purpose.CONVERSION]


@pytest.fixture
def recipient(settings, only_one):
    settings.TRACKING_KEYS = ["first key"]
    return Recipient.objects.get(pk=only_one)


@pytest.fixture(scope="module")
def only_one(shared_db):
    with shared_db():
        _, run = sending(people=1)
        return run.recipients.get().pk


def ids(recipient):
    return {"run_id": recipient.run_id, "recipient_id": recipient.pk, "subscriber_id": recipient.subscriber_id}


def address(purpose, recipient, token=None, **kind):
    token = token or recipient_token(purpose, **ids(recipient))
    link = link_token(run_id=recipient.run_id, position=1, url=STORY, **kind)
    return PATHS[purpose].replace("<>", token).replace("<link>", link)


def asked(path):
    """(status, headers): pages of Django's test client, which leaves the database open."""
    if path.startswith(("/u/", "/w/", "/p/", "/f/")):
        answer = Client().get(path)
        return answer.status_code, answer.headers
    path, _, query = path.partition("?")
    return ask(path, QUERY_STRING=query)[:2]


def test_every_purpose_has_an_address():
    assert {purpose.name for purpose in Purpose} - {purpose.name for purpose in PATHS} <= {"BOUNCE"}


@pytest.mark.parametrize("purpose", PATHS)
def test_an_old_mail_works_after_a_change_of_keys(purpose, recipient, settings):
    path = address(purpose, recipient)
    before = asked(path)[0]
    settings.TRACKING_KEYS = ["new key", "first key"]

    assert before == asked(path)[0] == (302 if purpose == Purpose.CLICK else 200)

    settings.TRACKING_KEYS = ["new key"]
    assert asked(path)[0] == 404


@pytest.mark.parametrize("purpose", PATHS)
@pytest.mark.parametrize("spoil", ["cut", "forged", "other purpose"])
def test_a_token_that_is_not_ours_gets_a_404_and_is_counted(purpose, spoil, recipient, monkeypatch, own_spool):
    monkeypatch.setattr(private_pages, "REFUSALS", Refusals(later=lambda seconds, act: None))
    token = recipient_token(purpose, **ids(recipient))
    other = next(each for each in PATHS if each != purpose)
    token = {
        "cut": token[:-3],
        "forged": ("A" if token[5] != "A" else "B").join([token[:5], token[6:]]),
        "other purpose": recipient_token(other, **ids(recipient)),
    }[spoil]

    status, headers = asked(address(purpose, recipient, token))

    assert (status, headers.get("Location")) == (404, None)
    assert spooled(own_spool) == []
    ingest()
    assert sum(Refusal.objects.values_list("count", flat=True)) == 1


@pytest.mark.parametrize("purpose", HITS)
def test_a_hit_asks_no_database(purpose, recipient, own_spool, monkeypatch):
    def away(*args, **kwargs):
        raise DatabaseError("The database is away.")

    path = address(purpose, recipient, converts=purpose == Purpose.CLICK)
    with connection.execute_wrapper(away):
        status = asked(path)[0]

    assert status in (200, 302)
    assert len(spooled(own_spool)) == 1


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, Purpose.VIEW, Purpose.PREFERENCES, Purpose.FORWARD])
def test_a_page_says_that_the_database_is_away(purpose, recipient):
    def away(*args, **kwargs):
        raise DatabaseError("The database is away.")

    with connection.execute_wrapper(away):
        answer = Client().get(address(purpose, recipient))

    # whoever wants to leave can: their wish waits in the spool
    assert answer.status_code == (200 if purpose == Purpose.UNSUBSCRIBE else 503)


@pytest.mark.parametrize("url", [STORY, "https://example.com/?next=https://evil.example/"])
def test_a_click_leads_only_where_the_mail_led(url, recipient):
    link = link_token(run_id=recipient.run_id, position=1, url=url, converts=True)
    path = f"/c/{recipient_token(Purpose.CLICK, **ids(recipient))}/{link}"
    evil = urlencode({"url": "https://evil.example/", "next": "//evil.example"})

    location = ask(path, QUERY_STRING=evil, HTTP_HOST="evil.example")[1]["Location"]

    token = recipient_token(Purpose.CONVERSION, **ids(recipient))
    assert location.replace(f"&ocrid={token}", "") == url

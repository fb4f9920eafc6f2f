"""Webhooks of email service providers, through django-anymail's own views."""

import base64
import json

import pytest
from anymail.signals import tracking as signal
from django.db import OperationalError
from django.urls import include, path

from config.urls import urlpatterns as own
from delivery.models import Recipient
from stats.ingest import ingest
from stats.models import Event
from tests.stats.populations import a_run
from tracking import esp, urls
from tracking.models import StrayMail

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [*own, path("esp/", include("tracking.esp_urls"))]
PASSWORD = "provider:secret"


@pytest.fixture(autouse=True)
def provider(settings):
    """As settings make it where ESP_WEBHOOK_SECRET is set."""
    settings.ANYMAIL = {"WEBHOOK_SECRET": PASSWORD, "MAILGUN_WEBHOOK_SIGNING_KEY": "signs"}
    signal.connect(esp.receive, dispatch_uid="test")
    yield
    signal.disconnect(dispatch_uid="test")


@pytest.fixture
def reader():
    return a_run(people=2).recipients.first()


def name_of(reader):
    return f"<{reader.run.campaign.public_id}.{reader.run.number}.{reader.pk}@news.example>"


def postmark(client, reader, kind="Bounce", *, password=PASSWORD, **about):
    body = {
        "RecordType": kind,
        "ID": 42,
        "MessageID": "00000000-0000-0000-0000-000000000000",
        "Email": reader.address,
        "Recipient": reader.address,
        "BouncedAt": "2026-11-20T09:00:00Z",
        "DeliveredAt": "2026-11-20T09:00:00Z",
        "Metadata": {"message_id": name_of(reader)},
    } | about
    return client.post(
        "/esp/postmark/tracking/",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": "Basic " + base64.b64encode(password.encode()).decode()},
    )


def bounce(client, reader, **about):
    known = {"Type": "HardBounce", "TypeCode": 1, "Details": "smtp;550 5.1.1 The email account does not exist"}
    return postmark(client, reader, **(known | about))


def test_a_bounce_counts(client, reader):
    assert bounce(client, reader).status_code == 200
    ingest()

    event = Event.objects.get()
    assert (event.kind, event.recipient) == ("bounced", reader)
    assert (event.data["type"], event.data["code"], event.data["origin"]) == ("hard", "100", "remote")
    assert event.at.isoformat() == "2026-11-20T09:00:00+00:00"


def test_an_event_that_is_sent_again_counts_once(client, reader):
    for _ in range(3):
        bounce(client, reader)
    ingest()

    assert Event.objects.count() == 1


@pytest.mark.parametrize(("kind", "counted"), [("Delivery", "delivered"), ("SpamComplaint", "complained")])
def test_deliveries_and_complaints_count(client, reader, kind, counted):
    assert postmark(client, reader, kind).status_code == 200
    ingest()

    assert Event.objects.get().kind == counted


@pytest.mark.parametrize("kind", ["Open", "Click"])
def test_what_broadsheet_tracks_itself_is_left_alone(client, reader, kind):
    assert (
        postmark(client, reader, kind, OriginalLink="https://x.example", ReceivedAt="2026-11-20T09:00:00Z").status_code
        == 200
    )

    assert ingest() == 0


def test_who_does_not_know_the_secret_is_refused(client, reader):
    assert bounce(client, reader, password="provider:guess").status_code == 400
    assert ingest() == 0


BODIES = ["{}", "[{}]", "[]", "[1]", "null", '"text"', "7", "{", "", "[" * 100_000, '{"event-data": 3}', "\\xff"]


@pytest.mark.filterwarnings("ignore:django-anymail has dropped")  # SendGrid: its own view stays
@pytest.mark.parametrize("esp_name", ["mailgun", "sendgrid", "postmark", "sparkpost", "mailjet", "brevo", "resend"])
def test_a_body_that_cannot_be_read_is_a_bad_request(client, esp_name):
    secret = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
    for body in BODIES:
        answer = client.post(
            f"/esp/{esp_name}/tracking/", body, content_type="application/json", headers={"Authorization": secret}
        )
        assert answer.status_code in (200, 400), body  # an empty list of events can be read
    assert ingest() == 0


def test_the_name_of_a_message_counts_only_with_its_address(client, reader):
    other = reader.run.recipients.last()
    bounce(client, reader, Email=other.address)

    assert ingest() == 0
    assert StrayMail.objects.get().reason == "unmatched"


def test_an_event_without_our_name_is_the_latest_message_to_the_address(client, reader):
    Recipient.objects.update(settled_at="2999-01-01T00:00Z")
    bounce(client, reader, Metadata={})
    ingest()

    assert Event.objects.get().recipient == reader


def test_what_nobody_can_match_is_kept_once(client, reader):
    for _ in range(2):
        bounce(client, reader, Email="nobody@elsewhere.example", Metadata={})

    stray = StrayMail.objects.get()
    assert (stray.source, stray.kind, stray.address) == ("Postmark", "bounced", "nobody@elsewhere.example")
    assert b"HardBounce" in bytes(stray.raw)


def test_the_provider_comes_again_while_nothing_can_be_kept(client, reader, monkeypatch):
    def away(clue):
        raise OperationalError("the database is away")

    monkeypatch.setattr(esp.whose, "ask", away)
    with pytest.raises(OperationalError):
        bounce(client, reader)


def test_without_a_secret_there_is_no_address(settings):
    settings.ESP_WEBHOOK_SECRET = ""
    assert urls.of_providers() == []

    settings.ESP_WEBHOOK_SECRET = PASSWORD
    assert len(urls.of_providers()) == 1

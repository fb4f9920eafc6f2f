import json

import pytest
from django.db import OperationalError

from audience.models import Subscriber, Subscription, Suppression
from delivery.models import Recipient
from stats.ingest import ingest
from stats.models import Event
from tests.factories import MailingListFactory, OrganizationFactory
from tests.stats.populations import a_run
from tracking import sms_gateway
from tracking.models import StrayMail

pytestmark = pytest.mark.django_db
NUMBER = "+447700900001"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.SMS_WEBHOOK_SECRET = "gateway-secret"


@pytest.fixture
def reader(organization):
    """Somebody known by a number alone, on a list, who got a text."""
    run = a_run(people=1, organization=organization, channel="sms")
    Subscriber.objects.update(email=None, phone=NUMBER)
    Recipient.objects.update(address=NUMBER, settled_at="2999-01-01T00:00Z")
    reader = run.recipients.get()
    Subscription.objects.create(
        mailing_list=MailingListFactory(organization=organization), subscriber=reader.subscriber
    )
    return reader


def post(client, what, body, *, bearer="gateway-secret", **about):
    about = {"content_type": "application/json"} | about
    given = json.dumps(body) if about["content_type"] == "application/json" else body
    return client.post(f"/sms/{what}", given, headers={"Authorization": f"Bearer {bearer}"}, **about)


def receipt(client, **about):
    return post(client, "receipts", {"id": "r-1", "to": NUMBER, "status": "delivered"} | about)


def say(client, text, **about):
    return post(client, "messages", {"id": "m-1", "from": NUMBER, "text": text} | about)


def status(reader):
    return reader.subscriber.subscriptions.get().status


def test_a_receipt_is_a_delivery(client, reader):
    answer = receipt(client)

    assert (answer.status_code, answer.json()) == (200, {"taken": 1})
    ingest()
    assert (Event.objects.get().kind, Event.objects.get().recipient) == ("delivered", reader)


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [("undelivered", "Unknown subscriber", "hard"), ("failed", "", "soft"), ("expired", "", "soft")],
)
def test_a_text_that_did_not_arrive_is_a_bounce(client, reader, status, reason, kind):
    receipt(client, status=status, reason=reason)
    ingest()

    assert (Event.objects.get().kind, Event.objects.get().data["type"]) == ("bounced", kind)


def test_a_hard_bounce_suppresses_the_number(client, reader):
    receipt(client, status="undelivered", reason="No such user")
    ingest()

    assert [(each.kind, each.value) for each in Suppression.objects.all()] == [("phone", NUMBER)]
    assert status(reader) == "bounced"


def test_a_receipt_posted_again_counts_once(client, reader):
    for _ in range(3):
        receipt(client)
    ingest()

    assert Event.objects.count() == 1


def test_what_is_not_final_is_not_taken(client, reader):
    assert receipt(client, status="queued").json() == {"taken": 0}


def test_several_at_once_and_forms_are_taken(client, reader):
    rows = [{"id": each, "to": NUMBER, "status": "delivered"} for each in "ab"]

    assert post(client, "receipts", rows).json() == {"taken": 2}
    form = {"id": "c", "to": NUMBER, "status": "delivered"}
    answer = client.post("/sms/receipts", form, headers={"Authorization": "Bearer gateway-secret"})
    assert answer.json() == {"taken": 1}


def test_a_receipt_for_nobody_is_kept(client):
    receipt(client)

    assert (StrayMail.objects.get().source, StrayMail.objects.get().address) == ("sms", NUMBER)


# --- STOP and START ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop all of it", "QUIT"])
def test_stop_ends_everything_of_the_number_and_counts(client, reader, text):
    assert say(client, text).json() == {"taken": 1}
    ingest()

    assert status(reader) == "unsubscribed"
    assert [(each.kind, each.value, each.scope) for each in Suppression.objects.all()] == [
        ("phone", NUMBER, "organization")
    ]
    event = Event.objects.get()
    assert (event.kind, event.data["ended"]) == ("unsubscribed", 1)


def test_stop_leaves_mail_to_the_same_person_alone(client, reader):
    Subscriber.objects.update(email="reader@example.com")
    say(client, "STOP")

    assert status(reader) == "subscribed"
    assert Suppression.objects.get().kind == "phone"


def test_stop_holds_wherever_the_number_is_known(client, reader):
    Subscriber.objects.create(organization=OrganizationFactory(), phone=NUMBER)
    say(client, "STOP")

    assert Suppression.objects.count() == 2


def test_start_takes_stop_back(client, reader):
    say(client, "STOP")
    say(client, "start", id="m-2")

    assert status(reader) == "subscribed"
    assert not Suppression.objects.exists()


def test_start_takes_nothing_else_back(client, reader, organization):
    Suppression.objects.create(organization=organization, kind="phone", value=NUMBER, reason="manual")
    say(client, "START")

    assert Suppression.objects.count() == 1


def test_other_texts_change_nothing(client, reader):
    assert say(client, "Please do not stop").json() == {"taken": 0}
    assert status(reader) == "subscribed"


# --- who may -----------------------------------------------------------------------------------------------------


def test_who_does_not_know_the_secret_changes_nothing(client, reader):
    assert post(client, "messages", {"from": NUMBER, "text": "STOP"}, bearer="guess").status_code == 401
    assert client.post("/sms/messages", {"from": NUMBER, "text": "STOP"}).status_code == 401
    assert status(reader) == "subscribed"


def test_without_a_secret_there_is_nothing(client, settings):
    settings.SMS_WEBHOOK_SECRET = ""

    assert post(client, "messages", {}, bearer="").status_code == 404


@pytest.mark.parametrize("body", ["x", {"to": "nobody", "status": "delivered"}, [1], [{}] * 1001, {"id": "1"}])
def test_what_cannot_be_read_is_refused(client, body):
    assert post(client, "receipts", body).status_code == 400


@pytest.mark.parametrize("body", [b"\xff{", b"[" * 100_000])
def test_bytes_that_are_no_json_are_refused(client, body):
    answer = client.post(
        "/sms/receipts", body, content_type="application/json", headers={"Authorization": "Bearer gateway-secret"}
    )

    assert answer.status_code == 400


def test_the_gateway_posts_again_while_the_database_is_away(client, reader, monkeypatch):
    def away(clue):
        raise OperationalError("the database is away")

    monkeypatch.setattr(sms_gateway.whose, "ask", away)

    assert receipt(client).status_code == 503

"""Webhooks in the admin: made, looked at, tested, rotated, replayed, deleted."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils.timezone import now

from tests.conftest import acting
from webhooks import endpoints
from webhooks.models import Delivery, Endpoint

pytestmark = pytest.mark.django_db
VALUES = {
    "name": "Shop",
    "url": "https://hooks.example/in",
    "events": ["campaign.sent", "message.clicked"],
    "edition": "",
    "timeout_seconds": 5,
    "is_active": "on",
}


def at(name, *args, model="endpoint"):
    return reverse(f"admin:webhooks_{model}_{name}", args=args)


def told(answer):
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


@pytest.fixture
def webhook(organization, bob):
    return endpoints.create(organization, by=acting(bob), name="Shop", url=VALUES["url"], events=["campaign.sent"])


@pytest.fixture
def failed(webhook, bob):
    delivery = endpoints.send_test(webhook, by=acting(bob))
    history = [{"at": now().isoformat(), "status": 500, "error": "It answered 500.", "ms": 12}]
    Delivery.objects.filter(pk=delivery.pk).update(
        state="failed", tries=1, next_try_at=None, finished_at=now(), history=history, answer_text="<b>Oh no</b>"
    )
    return delivery


def test_a_marketer_makes_one_and_sees_its_secret(organization, bob, login):
    browser = login(bob)
    assert "tells another program" in browser.get(at("changelist")).content.decode()

    answer = browser.post(at("add"), VALUES)

    made = Endpoint.objects.get()
    assert (made.organization, made.events, made.timeout_seconds) == (organization, VALUES["events"], 5)
    assert answer.url == at("change", made.pk)
    page = browser.get(answer.url).content.decode()
    assert endpoints.shown_secret(made) in page
    assert "Nothing has been sent yet" in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"url": "http://127.0.0.1/"}, "not on the public Internet"),
        ({"url": "nonsense"}, "has to begin with https"),
        ({"events": []}, "This field is required"),
        ({"timeout_seconds": 99}, "less than or equal to 30"),
    ],
)
def test_what_does_not_do_is_said_beside_the_field(organization, bob, login, webhook, changes, why):
    for address in (at("add"), at("change", webhook.pk)):
        answer = login(bob).post(address, VALUES | changes)
        assert answer.status_code == 200
        assert why in answer.content.decode()
    assert list(Endpoint.objects.values_list("url", flat=True)) == [VALUES["url"]]


def test_settings_are_saved_and_one_that_was_switched_off_begins_anew(bob, login, webhook):
    endpoints.switch_off(webhook.pk, reason="It answered 410.", at=now())
    assert "It answered 410." in login(bob).get(at("change", webhook.pk)).content.decode()

    login(bob).post(at("change", webhook.pk), VALUES | {"name": "Store"})

    webhook.refresh_from_db()
    assert (webhook.name, webhook.is_active, webhook.switched_off_at) == ("Store", True, None)


def test_a_test_is_sent_from_the_page(bob, login, webhook):
    login(bob).post(at("test", webhook.pk))

    assert Delivery.objects.get().event == "webhook.test"
    assert login(bob).get(at("test", webhook.pk)).status_code == 405


def test_a_new_secret_is_asked_about_first(bob, login, webhook):
    old = endpoints.shown_secret(webhook)
    assert "Make a new secret" in login(bob).get(at("rotate", webhook.pk)).content.decode()
    webhook.refresh_from_db()
    assert endpoints.shown_secret(webhook) == old

    login(bob).post(at("rotate", webhook.pk))

    webhook.refresh_from_db()
    assert endpoints.shown_secret(webhook) != old
    assert "signs as well until" in login(bob).get(at("change", webhook.pk)).content.decode()


def test_a_secret_that_cannot_be_read_is_told(bob, login, webhook, settings):
    settings.ENCRYPTION_KEYS = ["another"]

    assert "cannot be read" in login(bob).get(at("change", webhook.pk)).content.decode()


def test_the_log_shows_what_was_sent_and_sends_it_again(bob, login, failed):
    browser = login(bob)
    listed = browser.get(at("changelist", model="delivery") + f"?webhook={failed.endpoint_id}").content.decode()
    page = browser.get(at("change", failed.pk, model="delivery")).content.decode()
    assert "webhook.test" in listed
    assert "It answered 500." in page
    assert failed.public_id in page
    assert "&lt;b&gt;Oh no" in page
    assert "<b>Oh no" not in page

    browser.post(at("replay", failed.pk, model="delivery"))

    assert Delivery.objects.get().state == "waiting"


def test_what_failed_is_replayed_since_a_time(bob, login, webhook, failed):
    assert "Send what failed again" in login(bob).get(at("replay", webhook.pk)).content.decode()

    answer = login(bob).post(at("replay", webhook.pk), {"since": "2026-01-01T00:00"})

    assert Delivery.objects.get().state == "waiting"
    assert "1 event is sent again" in told(answer)


def test_it_is_deleted_after_a_question(bob, login, webhook):
    assert "Delete the webhook" in login(bob).get(at("delete", webhook.pk)).content.decode()

    login(bob).post(at("delete", webhook.pk))

    assert not Endpoint.objects.exists()


def test_strangers_viewers_and_approvers_get_nowhere(charlie, victor, erin, login, webhook, failed):
    secret = endpoints.shown_secret(webhook)
    pages = [at("change", webhook.pk), at("change", failed.pk, model="delivery"), at("rotate", webhook.pk)]
    acts = [at(name, webhook.pk) for name in ("test", "rotate", "replay", "delete")]
    acts += [at("change", webhook.pk), at("replay", failed.pk, model="delivery")]

    for person, refusal in ((charlie, 404), (victor, 403), (erin, 403)):
        browser = login(person)
        for address in pages:
            answer = browser.get(address)
            assert answer.status_code == refusal, address
            assert secret not in answer.content.decode()
        assert {browser.post(address, VALUES).status_code for address in acts} == {refusal}
        for model in ("endpoint", "delivery"):
            assert webhook.url not in browser.get(at("changelist", model=model)).content.decode()
    assert Delivery.objects.get().state == "failed"
    assert endpoints.shown_secret(Endpoint.objects.get()) == secret

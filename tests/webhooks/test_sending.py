"""What is due goes out, signed; what fails is tried again, then given up; nothing is lost and nobody starves."""

import json
import threading
from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import acting
from tests.factories import campaign_in
from tests.webhooks import servers
from tests.webhooks.conftest import an_endpoint
from webhooks import endpoints, settlement, signing
from webhooks.models import Delivery
from webhooks.posting import Answer
from webhooks.sending import send_due

pytestmark = pytest.mark.django_db
State = Delivery.State


def told(endpoint, *, count=1):
    """So many things for it to be told, oldest first."""
    for _ in range(count):
        endpoints.send_test(endpoint, by=acting(endpoint.organization.memberships.first().user))
    return list(Delivery.objects.filter(endpoint=endpoint).order_by("pk"))


def test_what_happened_to_a_campaign_arrives(organization, endpoint, receiver):
    campaign = campaign_in("scheduled", organization)

    assert send_due() == 1

    posted = receiver.posted[0]
    assert posted.json["type"] == "campaign.scheduled"
    assert posted.json["data"]["campaign"]["id"] == campaign.public_id
    assert posted.headers["Content-Type"] == "application/json"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.answer_status, delivery.answer_text) == ("delivered", 1, 200, "ok")
    assert posted.body.decode() == delivery.body
    assert posted.json["id"] == posted.headers["webhook-id"] == delivery.public_id


def test_it_is_signed_as_standard_webhooks_says(endpoint, receiver):
    told(endpoint)
    send_due()

    posted = receiver.posted[0]
    verified = Webhook(endpoints.shown_secret(endpoint)).verify(posted.body, posted.headers)
    assert verified == posted.json
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(posted.body, posted.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.shown_secret(endpoint)).verify(posted.body + b" ", posted.headers)


def test_it_is_signed_as_the_rest_contract_says(organization, receiver):
    import hashlib
    import hmac

    told(an_endpoint(organization, receiver.url, secret="our little secret"))
    send_due()

    posted = receiver.posted[0]
    assert posted.headers["X-Signature"] == (
        "sha256=" + hmac.new(b"our little secret", posted.body, hashlib.sha256).hexdigest()
    )


def test_a_failed_try_is_made_again_with_the_same_id_and_body(endpoint, receiver):
    receiver.answer((500, {}, "no"), (200, {}, "yes"))
    (delivery,) = told(endpoint)
    send_due()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.error) == (State.WAITING, 1, "It answered 500.")
    assert timedelta(seconds=4) < delivery.next_try_at - now() <= timedelta(seconds=5.5)
    assert send_due() == 0
    with time_machine.travel(now() + timedelta(seconds=6)):
        assert send_due() == 1

    first, second = receiver.posted
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (State.DELIVERED, 2)
    assert [each["status"] for each in delivery.history] == [500, 200]


def test_it_is_given_up_after_the_last_try(endpoint, receiver, settings):
    settings.WEBHOOK_RETRY_SECONDS = [1, 1]
    receiver.answer((404, {}, "x" * 3000))
    (delivery,) = told(endpoint)

    for seconds in (0, 2, 4, 6):
        with time_machine.travel(now() + timedelta(seconds=seconds)):
            send_due()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, len(receiver.posted)) == (State.FAILED, 3, 3)
    assert delivery.answer_text == "x" * 500
    assert delivery.finished_at


def test_who_asks_for_time_gets_it(endpoint, receiver):
    receiver.answer((429, {"Retry-After": "3600"}, ""))
    (delivery,) = told(endpoint)
    send_due()

    delivery.refresh_from_db()
    assert timedelta(minutes=59) < delivery.next_try_at - now() <= timedelta(hours=1)


def test_one_that_says_it_is_gone_is_switched_off(endpoint, receiver):
    receiver.answer((410, {}, ""))
    first, second = told(endpoint, count=2)
    Delivery.objects.filter(pk=second.pk).update(next_try_at=now() + timedelta(minutes=1))
    send_due()

    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert "410" in endpoint.switched_off_reason
    assert Delivery.objects.get(pk=first.pk).state == State.FAILED
    with time_machine.travel(now() + timedelta(days=1)):
        assert send_due() == 0  # what waits is kept, and is not sent
    assert Delivery.objects.get(pk=second.pk).state == State.WAITING


def test_one_that_fails_for_days_is_switched_off_and_administrators_get_mail(
    organization, alice, bob, endpoint, receiver, mailoutbox
):
    from webhooks.tasks import tell

    receiver.answer((503, {}, ""))
    told(endpoint)
    send_due()
    with time_machine.travel(now() + timedelta(hours=119)):
        send_due()
        endpoint.refresh_from_db()
        assert endpoint.is_active
    with time_machine.travel(now() + timedelta(hours=121)):
        told(endpoint)
        send_due()
        endpoint.refresh_from_db()
        assert not endpoint.is_active
        tell()
        tell()

    others = {member.user.email for member in organization.memberships.filter(role="admin")}
    assert {mail.to[0] for mail in mailoutbox} == others >= {alice.email}
    assert len(mailoutbox) == len(others)
    assert "120 hours" in mailoutbox[0].body


def test_a_try_that_works_ends_the_failing(endpoint, receiver):
    receiver.answer((500, {}, ""), (200, {}, ""))
    told(endpoint)
    send_due()
    endpoint.refresh_from_db()
    assert endpoint.failing_since
    told(endpoint)
    send_due()

    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_one_that_fails_has_one_post_in_the_air_and_others_have_several(organization, endpoint, receiver):
    together = threading.Barrier(4)

    def wait_for_others(posted):
        together.wait(timeout=20)
        return 200, {}, ""

    with servers.receiver() as slow:
        from django.conf import settings

        settings.WEBHOOK_ALLOWED_PORTS.append(slow.port)
        failing = an_endpoint(organization, slow.url)
        type(failing).objects.filter(pk=failing.pk).update(failing_since=now())
        told(failing, count=3)
        slow.answer((500, {}, ""))
        told(endpoint, count=4)
        receiver.answer(wait_for_others)  # only four at once get through

        assert send_due() == 7
        assert slow.most_at_once == 1
    assert receiver.most_at_once == 4


def test_a_sender_that_was_killed_is_waited_for_and_then_its_work_is_done_again(endpoint, receiver):
    (delivery,) = told(endpoint)
    (claim,) = settlement.take(endpoint, 5, now())  # and here it is killed

    assert settlement.take(endpoint, 5, now()) == []
    assert send_due() == 0
    with time_machine.travel(now() + timedelta(minutes=3)):
        assert send_due() == 1
    assert settlement.settle([(claim, Answer(status=500, error="late"))], now()) == 0

    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == (State.DELIVERED, 2)
    assert receiver.posted[0].headers["webhook-id"] == claim.public_id


def test_only_one_sender_of_a_machine_works_at_a_time(endpoint, receiver):
    from webhooks.sending import _alone

    told(endpoint)
    with _alone() as is_alone:
        assert is_alone
        assert send_due() == 0
    assert send_due() == 1


def test_nothing_is_sent_while_the_organization_is_not_active(organization, endpoint, receiver):
    told(endpoint)
    organization.is_active = False
    organization.save()

    assert send_due() == 0
    assert Delivery.objects.get().state == State.WAITING


def test_a_secret_that_cannot_be_read_fails_the_try_and_says_so(endpoint, receiver, settings):
    told(endpoint)
    settings.ENCRYPTION_KEYS = ["another key"]
    send_due()

    assert "ENCRYPTION_KEYS" in Delivery.objects.get().error
    assert receiver.posted == []


def test_an_endpoint_nobody_listens_at_is_a_failure_like_any_other(organization, local):
    local(9)
    endpoint = an_endpoint(organization, "http://127.0.0.1:9/")
    told(endpoint)
    send_due()

    delivery = Delivery.objects.get()
    assert delivery.answer_status is None
    assert "refused" in delivery.error.lower()
    assert json.loads(delivery.body)["type"] == "webhook.test"

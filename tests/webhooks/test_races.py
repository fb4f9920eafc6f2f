"""Two senders, a replay and a change at the same moment."""

from datetime import timedelta

from django.utils.timezone import now

from tests.conftest import acting
from tests.races import RACE, at_once
from tests.webhooks.conftest import an_endpoint
from webhooks import endpoints, replays, settlement
from webhooks.models import Delivery, Endpoint
from webhooks.posting import Answer

pytestmark = RACE


def waiting(endpoint, alice, count):
    return [endpoints.send_test(endpoint, by=acting(alice)) for _ in range(count)]


def test_two_senders_never_take_the_same_delivery(organization, alice):
    endpoint = an_endpoint(organization)
    waiting(endpoint, alice, 40)

    def take():
        return [claim.public_id for _ in range(5) for claim in settlement.take(endpoint, 5, now())]

    first, second = at_once(take, take)

    assert len(first + second) == len(set(first + second)) == 40
    assert set(Delivery.objects.values_list("tries", flat=True)) == {1}


def test_a_sender_that_comes_late_and_one_that_took_over_settle_it_once(organization, alice):
    endpoint = an_endpoint(organization)
    waiting(endpoint, alice, 1)
    (late,) = settlement.take(endpoint, 1, now())
    (new,) = settlement.take(endpoint, 1, late.until + timedelta(seconds=1))

    settled = at_once(
        lambda: settlement.settle([(late, Answer(status=500, error="late"))], now()),
        lambda: settlement.settle([(new, Answer(status=200))], now()),
    )

    assert settled == [0, 1]
    assert Delivery.objects.get().state == "delivered"


def test_of_two_replays_one_counts(organization, alice):
    endpoint = an_endpoint(organization)
    (delivery,) = waiting(endpoint, alice, 1)
    Delivery.objects.update(state="failed", next_try_at=None, finished_at=now())

    def replay():
        return replays.replay(delivery, by=acting(alice))

    assert sorted(at_once(replay, replay)) == [False, True]


def test_an_endpoint_that_is_changed_while_it_fails_for_good_is_off_or_as_saved(organization, alice):
    endpoint = an_endpoint(organization)
    by = acting(alice)

    at_once(
        lambda: endpoints.switch_off(endpoint.pk, reason="gone", at=now()),
        lambda: endpoints.change(Endpoint.objects.get(pk=endpoint.pk), by=by, name="Store"),
    )

    found = Endpoint.objects.get()
    assert found.name == "Store"
    assert not found.is_active

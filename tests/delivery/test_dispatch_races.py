"""Of several who ask at once: one counts, and nobody takes another's share of the hour."""

from django.utils.timezone import now

from delivery import estimates, pace, seeds
from delivery.models import AudienceEstimate, Dispatch, SeedCopy, SeedList
from tests.delivery.servers import Mailbox
from tests.delivery.states import sending
from tests.factories import draft_campaign
from tests.races import RACE, at_once

pytestmark = RACE


def test_of_two_who_ask_for_an_estimate_one_has_it_counted(monkeypatch):
    queued = []
    monkeypatch.setattr(estimates, "_queue", queued.append)
    campaign = draft_campaign()

    answers = at_once(*[lambda: estimates.wanted(campaign)] * 2)

    assert answers == [None, None]
    assert queued == [campaign.pk]
    estimates.count(campaign.pk)
    assert estimates.wanted(campaign).mailable == 3
    assert AudienceEstimate.objects.count() == 1


def test_two_workers_share_one_hour():
    campaign = draft_campaign()
    Dispatch.objects.create(campaign=campaign, speed=3600)
    at = now()

    shares = at_once(*[lambda: pace.take(campaign.pk, 250, at).count] * 2)

    assert sorted(shares) == [0, 30]


def test_two_workers_send_each_seed_copy_once(mail_relay):
    campaign, _ = sending(people=1)
    us = SeedList.objects.create(organization=campaign.organization, name="Us", addresses=["a@example.com"])
    Dispatch.objects.create(campaign=campaign).seed_lists.add(us)

    with mail_relay(Mailbox()) as mailbox:
        taken = at_once(*[lambda: seeds.send(campaign.pk)] * 2)

    assert sorted(taken) == [0, 1]
    assert len(mailbox.mails) == SeedCopy.objects.count() == 1

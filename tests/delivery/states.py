"""Campaigns on their way out, for delivery tests."""

from collections import Counter

import pytest

from audience.models import Subscriber
from campaigns import lifecycle
from campaigns.models import Campaign, CampaignRun
from delivery import tasks
from delivery.freeze import freeze
from delivery.models import Recipient
from tests.factories import draft_campaign, staff


def sending(people=3, **about):
    """A campaign whose audience is frozen, and nobody has been told yet: (campaign, run)."""
    campaign = draft_campaign(people=people, **about)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tasks, "queue", lambda task, pk: None)
        lifecycle.send_now(campaign, by=staff(campaign.organization))
        run = freeze(campaign)
    run.batches.update(queued_at=None)
    return campaign, run


def addressed(campaign, number, address):
    """Give the campaign's n-th person (from 0) this address."""
    person = Subscriber.objects.filter(organization=campaign.organization).order_by("pk")[number]
    Subscriber.objects.filter(pk=person.pk).update(email=address)
    Recipient.objects.filter(subscriber=person).update(address=address)


def states(run):
    """How many recipients are in which state."""
    return Counter(Recipient.objects.filter(run=run).values_list("state", flat=True))


def assert_reconciled(run):
    """planned = sent + failed + skipped + in doubt + pending, and the counters are the recipients."""
    run = CampaignRun.objects.get(pk=run.pk)
    counted = states(run)
    assert run.planned == sum(counted.values())
    for state in ("sent", "failed", "skipped", "in_doubt", "pending"):
        assert getattr(run, state) == counted[state], state


def reloaded(row):
    return type(row).objects.get(pk=row.pk)


def by(campaign):
    return staff(Campaign.objects.get(pk=campaign.pk).organization)


def deliver_all(run):
    for batch in run.batches.all():
        tasks.deliver_batch(batch.pk)

"""Who is sent to first where variants are tried on a share of the audience."""

from collections import Counter

import pytest

from audience.models import Subscriber, Suppression
from delivery import batches, freeze
from delivery.models import Batch, Recipient
from tests.delivery.test_freeze import calculating

pytestmark = pytest.mark.django_db


@pytest.fixture
def tried_on(monkeypatch):
    """A call sets the share, in hundredths of a per cent."""
    return lambda share: monkeypatch.setattr(freeze, "SHARES_FIRST", [lambda campaign: share])


def sample(run):
    return run.recipients.filter(batch__held=False)


def rest(run):
    return run.recipients.filter(batch__held=True)


@pytest.mark.parametrize(
    ("people", "share", "expected"),
    [(21, 2000, 4), (20, 5000, 10), (20, 3333, 6), (20, 1, 3), (2, 5000, 2), (20, 9999, 19)],
)
def test_the_sample_is_a_share_cut_down_and_at_least_one_for_each_variant(people, share, expected, tried_on, settings):
    settings.BATCH_SIZE = 4
    tried_on(share)
    run = freeze.freeze(calculating(people=people, variants=(100, 100)))

    assert sample(run).count() == expected
    assert sample(run).count() + rest(run).count() == people == run.pending
    dealt = Counter(sample(run).values_list("variant__name", flat=True))
    assert max(dealt.values()) - min(dealt.values()) <= 1
    assert set(rest(run).values_list("variant", flat=True)) <= {None}


def test_every_batch_holds_somebody_and_no_more_than_it_may(tried_on, settings):
    settings.BATCH_SIZE = 3
    tried_on(4000)
    run = freeze.freeze(calculating(people=25, variants=(100,)))

    sizes = Counter(run.recipients.values_list("batch", flat=True))
    assert sorted(sizes.values()) == [1, 3, 3, 3, 3, 3, 3, 3, 3]
    assert set(sizes) == set(run.batches.values_list("pk", flat=True))


def test_who_cannot_be_mailed_is_of_neither(tried_on):
    tried_on(5000)
    campaign = calculating(people=10, variants=(100,))
    gone = Subscriber.objects.filter(organization=campaign.organization).first()
    Suppression.objects.create(organization=campaign.organization, kind="email", value=gone.email)

    run = freeze.freeze(campaign)

    assert (sample(run).count(), rest(run).count()) == (4, 5)
    assert run.recipients.get(subscriber=gone).state == Recipient.State.SKIPPED


def test_held_batches_are_nobodys_to_take(tried_on):
    tried_on(5000)
    run = freeze.freeze(calculating(people=10, variants=(100,)))
    held = Batch.objects.get(run=run, held=True)

    assert batches.claim(held.pk, worker="one") is None
    assert batches.claim(Batch.objects.get(run=run, held=False).pk, worker="two")


def test_one_variant_has_nothing_to_try(tried_on):
    tried_on(5000)
    run = freeze.freeze(calculating(people=10))

    assert not rest(run).exists()
    assert sample(run).count() == 10


def test_the_sample_is_not_the_first_to_have_come(tried_on):
    tried_on(5000)
    run = freeze.freeze(calculating(people=40, variants=(100,)))

    chosen = set(sample(run).values_list("subscriber", flat=True))
    assert chosen != set(sorted(run.recipients.values_list("subscriber", flat=True))[:20])

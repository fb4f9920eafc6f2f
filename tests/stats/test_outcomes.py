"""Where recipients stand, counted beside the recipients and told from there."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns.models import CampaignRun, Variant
from delivery.models import Recipient
from stats import outcomes
from stats.models import Outcome, OutcomeCount
from tests.examples import examples
from tests.factories import EmailFactory, draft_campaign
from tests.races import at_once, race
from tests.stats.populations import a_run

STATES = ["sent", "failed", "skipped", "in_doubt", "pending"]
ADDRESSES = ["ann@example.com", "bob@EXAMPLE.com", '"a@b"@mail.example', "+4520123456", "", "eve@example.org"]


def settle(run, *settled):
    """Give the run's recipients these (state, address), and its columns what follows."""
    for recipient, (state, address) in zip(run.recipients.all(), settled, strict=True):
        reason = "suppressed" if state == "skipped" else ""
        Recipient.objects.filter(pk=recipient.pk).update(state=state, address=address, skip_reason=reason)
    columns = {name: sum(state == name for state, _ in settled) for name in outcomes.COLUMNS[1:]}
    CampaignRun.objects.filter(pk=run.pk).update(planned=len(settled), **columns)


class Counting(TestCase):
    @settings(max_examples=examples(30), deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(ADDRESSES)), min_size=1, max_size=8))
    def test_what_was_counted_is_what_is_there(self, settled):
        run = a_run(people=len(settled))
        settle(run, *settled)

        live = outcomes.outcomes(run.campaign, largest=2)
        outcomes.refresh(run.pk)
        stored = outcomes.outcomes(run.campaign, largest=2)

        assert stored == live
        assert stored.counted_at is None
        expected = {}
        for state, address in settled:
            domain = address.rpartition("@")[2].lower() if "@" in address else ""
            states = expected.setdefault(domain, {})
            states[state] = states.get(state, 0) + 1
        whole = outcomes.outcomes(run.campaign, largest=100).domains
        assert {each.domain: each.states for each in whole} == expected
        assert sum(sum(each.states.values()) for each in stored.domains) == len(settled)
        assert sum(each.others or 1 for each in stored.domains) == len(expected)


@pytest.fixture
def run(db):
    return a_run(people=4)


def test_counting_again_changes_nothing(run):
    outcomes.refresh(run.pk)
    before = list(Outcome.objects.order_by("domain", "state").values_list("domain", "state", "people"))

    outcomes.refresh(run.pk)

    assert list(Outcome.objects.order_by("domain", "state").values_list("domain", "state", "people")) == before
    assert OutcomeCount.objects.count() == 1


def test_only_runs_that_have_changed_since_are_counted(run):
    other = a_run(people=2)

    assert (outcomes.refresh_stale(), outcomes.refresh_stale()) == (2, 0)

    first = other.recipients.first()
    Recipient.objects.filter(pk=first.pk).update(state="failed")
    CampaignRun.objects.filter(pk=other.pk).update(sent=1, failed=1)

    assert outcomes.refresh_stale() == 1
    assert OutcomeCount.objects.get(run=other).failed == 1
    assert outcomes.outcomes(other.campaign).variants == {first.variant_id: {"sent": 1, "failed": 1}}


def test_who_was_counted_longest_ago_comes_first(run):
    runs = [run, a_run(people=2), a_run(people=2)]
    outcomes.refresh_stale()
    for place, each in enumerate(runs):
        OutcomeCount.objects.filter(run=each).update(counted_at=now() - timedelta(minutes=place), sent=0)

    assert list(outcomes.stale_runs()) == runs[::-1]


def test_a_run_that_is_gone_is_not_counted(run):
    gone = run.pk
    run.recipients.all().delete()
    run.delete()

    assert outcomes.refresh(gone) is False


def test_of_a_large_audience_old_counts_say_as_of_when(run, monkeypatch):
    monkeypatch.setattr(outcomes, "SMALL", 3)
    outcomes.refresh(run.pk)
    Recipient.objects.filter(pk=run.recipients.first().pk).update(state="failed")
    CampaignRun.objects.filter(pk=run.pk).update(sent=3, failed=1)

    found = outcomes.outcomes(run.campaign)

    assert found.counted_at == OutcomeCount.objects.get().counted_at
    assert list(found.variants.values()) == [{"sent": 4}]


def test_of_a_large_audience_never_counted_nothing_is_known_since_it_began(run, monkeypatch):
    monkeypatch.setattr(outcomes, "SMALL", 3)

    found = outcomes.outcomes(run.campaign)

    assert (found.counted_at, found.variants) == (run.started_at, {})


@pytest.mark.django_db
def test_variants_and_reasons_are_told_apart():
    campaign = draft_campaign(people=0)
    other = Variant.objects.create(
        campaign=campaign, position=1, name="B", email=EmailFactory(organization=campaign.organization)
    )
    run = a_run(people=3, campaign=campaign)
    settle(run, ("sent", "a@example.com"), ("skipped", "b@example.com"), ("failed", "c@example.com"))
    Recipient.objects.filter(pk=run.recipients.last().pk).update(variant=other)
    outcomes.refresh(run.pk)

    found = outcomes.outcomes(campaign)

    assert found.variants == {run.recipients.first().variant_id: {"sent": 1, "skipped": 1}, other.pk: {"failed": 1}}
    assert found.skip_reasons == {"suppressed": 1}


@pytest.mark.django_db
def test_the_number_of_queries_does_not_depend_on_what_there_is(django_assert_max_num_queries):
    for run in (a_run(people=1), a_run(people=30)):
        outcomes.refresh(run.pk)
        with django_assert_max_num_queries(5):
            outcomes.outcomes(run.campaign)


@race
def test_two_workers_at_once_count_a_run_once():
    run = a_run(people=4)

    done = at_once(*[lambda: outcomes.refresh(run.pk)] * 4)

    assert any(done)
    assert sum(Outcome.objects.values_list("people", flat=True)) == 4
    assert OutcomeCount.objects.count() == 1

"""How a race went is kept: for its chart, for vendors' snapshots, and for the report."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from splittests import course, looks, snapshots
from splittests.models import SplitTestRun
from splittests.tasks import go_on
from stats.reports import report
from tests.races import at_once, race
from tests.splittests.test_course import opened_by, sent_to, waiting

pytestmark = pytest.mark.django_db


def test_a_race_is_looked_at_at_even_distances_until_it_is_decided(time_machine):
    row = waiting(wait=96, wait_unit="minutes")
    began = now()
    go_on()
    opened_by(row.run, 1, 4)

    for minutes in (1, 1.5, 2.5, 3):
        time_machine.move_to(began + timedelta(minutes=minutes))
        go_on()
    course.decide_now(SplitTestRun.objects.get())
    go_on()

    found = looks.of(SplitTestRun.objects.get())
    assert [round((look.at - began) / timedelta(minutes=1), 1) for look in found] == [0.0, 2.5, 3.0]
    first, second = row.run.campaign.variants.order_by("position")
    assert found[0].seen[first.pk].rate == 0.0
    assert (found[2].seen[first.pk].rate, found[2].seen[second.pk].rate) == (0.2, 0.8)
    assert found[2].seen[second.pk].chance > 0.9
    assert found[2].seen[second.pk].opened == 0.8


def test_of_many_looks_every_other_one_is_forgotten(monkeypatch):
    row = waiting()
    monkeypatch.setattr(looks, "MOST", 4)
    for _ in range(6):
        looks.add(row, row.run, looks.Metric.OPENED)

    assert len(row.looks) <= 4
    assert row.looks[-1]["at"] == row.looked_at.isoformat()


def test_a_snapshot_keeps_what_the_sample_had_brought_when_it_was_decided():
    row = waiting()
    opened_by(row.run, 1, 4)
    course.decide_now(row)
    row = SplitTestRun.objects.get()
    course.free(row)
    sent_to(row.run)
    first, second = row.run.campaign.variants.order_by("position")

    figures, counters = snapshots.figures(row), snapshots.counters(row)

    assert [(figures[each.pk].figures.sent, figures[each.pk].figures.opened) for each in (first, second)] == [
        (5, 1),
        (5, 4),
    ]
    assert [(counters[each.pk].accepted, counters[each.pk].opened) for each in (first, second)] == [(5, 1), (5, 4)]
    assert counters[second.pk].sent_multipart == 5
    now_sent = {each.variant.pk: each.figures.sent for each in report(row.run.campaign).variants}
    assert now_sent == {first.pk: 5, second.pk: 15}


@race
def test_of_two_clocks_one_looks():
    row = waiting()

    looked = at_once(*[lambda: looks.look(SplitTestRun.objects.get(pk=row.pk))] * 2)

    assert sorted(looked) == [False, True]
    assert len(SplitTestRun.objects.get().looks) == 1


@race
def test_a_look_and_a_decision_at_once_both_count():
    row = waiting()

    at_once(
        lambda: course.decide_now(SplitTestRun.objects.get(pk=row.pk)),
        lambda: looks.look(SplitTestRun.objects.get(pk=row.pk)),
    )

    kept = SplitTestRun.objects.get()
    assert kept.chosen is not None
    assert 1 <= len(kept.looks) <= 2

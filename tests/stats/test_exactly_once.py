"""Counters against a naive count, whatever the hits, the chunks and the interruptions."""

from collections import Counter as Naive
from collections import defaultdict
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from stats import counting
from stats.ingest import ingest
from stats.models import ClickedLink, Counter, Engagement, Event, SpoolPosition, StrayHit
from stats.tally import HOW_OFTEN
from tests.examples import examples
from tests.stats.populations import NINE, a_run
from tracking import spool
from tracking.spool import Hit

KINDS = ["opened", "clicked", "viewed", "unsubscribed", "bounced", "complained"]

# One hit of the story: who (0 is nobody), what, which link, how many minutes after nine.
acts = st.tuples(st.integers(0, 4), st.sampled_from(KINDS), st.integers(1, 3), st.integers(0, 300))
# What happens between hits: the ingester runs (over how many lines at a time), dies after so many statements, or the
# writing process goes on to a new file.
interruptions = st.one_of(
    st.tuples(st.just("ingest"), st.integers(2, 6)),
    st.tuples(st.just("die"), st.integers(1, 14)),
    st.tuples(st.just("new file"), st.just(0)),
)
stories = st.lists(st.one_of(acts, acts, acts, interruptions), max_size=20)


class Died(OperationalError):
    """Stands for the end of the ingester's process, or of its connection."""


def dying_after(statements):
    """For `connection.execute_wrapper`: no statement after so many, but those that take back the transaction, which a
    server does by itself."""
    left = [statements]

    def execute(run, sql, params, many, context):
        left[0] -= 1
        if left[0] < 0 and not (left[0] < -1 and sql.startswith(("ROLLBACK", "RELEASE"))):
            raise Died
        return run(sql, params, many, context)

    return execute


def naive_count(hits):
    """(total, unique, unique by link) by kind and link, and what is derived, as the docs define them."""
    total, people, people_by_link = Naive(), Naive(), Naive()
    seen, readers, read = set(), set(), [0, 0]
    for hit in hits:
        link = hit.link_position if hit.kind == "clicked" else 0
        key, who = (hit.kind, link), hit.recipient_id
        total[key] += 1
        people[key] += (who, hit.kind) not in seen
        people_by_link[key] += (who, key) not in seen
        seen |= {(who, hit.kind), (who, key)}
        if hit.kind in ("opened", "clicked", "viewed"):
            read[0] += hit.kind == "opened" or who not in readers
            read[1] += who not in readers
            readers.add(who)
    counts = {key: (total[key], people[key], people_by_link[key]) for key in total}
    if bounces := counts.get(("bounced", 0)):  # these say neither their type nor where they come from
        counts |= {("bounced_other", 0): bounces, ("bounced_remote", 0): bounces}
    return counts | ({("read", 0): (read[0], read[1], read[1])} if readers else {})


def stored_count(run):
    summed = defaultdict(lambda: (0, 0, 0))
    for row in Counter.objects.filter(run=run):
        key = (row.kind, row.link_position)
        added = (row.total, row.unique, row.unique_by_link)
        summed[key] = tuple(a + b for a, b in zip(summed[key], added, strict=True))
    return dict(summed)


class TestAnyStory(TestCase):
    """hypothesis' TestCase rolls back between examples, as each needs an empty database."""

    @given(stories)
    @settings(max_examples=examples(25), deadline=None)
    def test_counts_are_those_of_a_naive_count(self, story):
        # so small that a story of four people has several blocks, and both rare changes and common ones
        with override_settings(), patch.multiple(counting, BLOCK=2, RARE=2):
            self.check(story)

    def check(self, story):
        told = Told()
        for first, *rest in story:
            told.go_on(first, rest)
        told.ingest(1000)

        assert stored_count(told.run) == naive_count(told.in_order)
        assert Event.objects.count() == len(told.in_order)
        assert StrayHit.objects.count() == told.strays
        assert sum(each.clicks for each in ClickedLink.objects.all()) == sum(
            hit.kind == "clicked" for hit in told.in_order
        )
        self.check_first_times(told)

    def check_first_times(self, told):
        for engagement in Engagement.objects.all():
            mine = [hit for hit in told.in_order if hit.recipient_id == engagement.recipient_id]
            for kind in KINDS:
                times = [hit.at for hit in mine if hit.kind == kind]
                assert getattr(engagement, f"{kind}_at") == (min(times) if times else None)
                if kind in HOW_OFTEN:
                    assert getattr(engagement, HOW_OFTEN[kind]) == len(times)


class Told:
    """Lives through a story. Hits count in the order in which they are stored: by time within a chunk."""

    def __init__(self):
        for path in spool.files(django_settings.SPOOL_DIR):
            path.unlink()  # of the example before
        spool._spools.clear()
        self.run = a_run(people=4)
        self.people = list(self.run.recipients.order_by("pk"))
        self.waiting, self.in_order, self.strays = [], [], 0

    def go_on(self, first, rest):
        if first == "ingest":
            self.ingest(rest[0])
        elif first == "die":
            self.die(rest[0])
        elif first == "new file":
            spool._spools.clear()
        else:
            self.act(first, *rest)

    def act(self, who, kind, link, minutes):
        at = NINE + timedelta(minutes=minutes)
        recipient_id = self.people[who - 1].pk if who else 10**9
        hit = Hit(kind, self.run.pk, recipient_id, 1, at, link_position=link if kind == "clicked" else 0)
        spool.append(hit)
        self.waiting.append(hit)

    def ingest(self, chunk):
        django_settings.INGEST_CHUNK = chunk
        ingest()
        self._count_waiting(chunk)

    def die(self, statements):
        """Whatever chunk had been stored stays, whatever had not been is as if it had not begun."""
        django_settings.INGEST_CHUNK = 3
        try:
            with connection.execute_wrapper(dying_after(statements)):
                ingest()
        except Died:
            pass
        self._count_waiting(3, stored=Event.objects.count() + StrayHit.objects.count())

    def _count_waiting(self, chunk, stored=None):
        already = len(self.in_order) + self.strays
        ready = self.waiting if stored is None else self.waiting[: stored - already]
        self.waiting = self.waiting[len(ready) :]
        for start in range(0, len(ready), chunk):
            known = [hit for hit in ready[start : start + chunk] if hit.recipient_id < 10**9]
            self.strays += len(ready[start : start + chunk]) - len(known)
            self.in_order += sorted(known, key=lambda hit: hit.at)


@pytest.mark.django_db
def test_a_death_after_any_statement_changes_nothing(own_spool):
    run = a_run(people=3)
    hits = [
        Hit(kind, run.pk, recipient.pk, recipient.subscriber_id, NINE, link_position=int(kind == "clicked"))
        for recipient in run.recipients.all()
        for kind in KINDS
    ]
    for hit in hits:
        spool.append(hit)

    deaths, stored = 0, []
    for statements in range(50):
        try:
            with connection.execute_wrapper(dying_after(statements)):
                ingest()
            break
        except Died:
            deaths += 1
            stored.append((Event.objects.count(), Counter.objects.exists(), SpoolPosition.objects.exists()))

    assert deaths > 5
    assert set(stored) == {(0, False, False), (len(hits), True, True)}  # all of the chunk or nothing
    assert stored_count(run) == naive_count(hits)
    assert Event.objects.count() == len(hits)


@pytest.mark.django_db
def test_a_database_that_is_away_leaves_everything_in_the_spool(own_spool):
    run = a_run(people=1)
    reader = run.recipients.get()
    spool.append(Hit("opened", run.pk, reader.pk, reader.subscriber_id, NINE))

    def away(*args):
        raise OperationalError("The server is not there.")

    with connection.execute_wrapper(away), pytest.raises(OperationalError):
        ingest()

    assert ingest() == 1

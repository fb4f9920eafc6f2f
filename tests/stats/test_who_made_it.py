"""Figures of people beside figures of everything, whatever came in which order."""

from collections import Counter as Naive
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.db.models import Sum
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from stats.hours import hour_of
from stats.ingest import ingest
from stats.models import Breakdown, Counter, Engagement, Event, SeenHit
from tests.examples import examples
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import Hit, HitKind

PROXY = "Mozilla/5.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

# Who, what, which link, with what, how many seconds after nine: close enough together that clicks come in bursts.
acts = st.tuples(
    st.integers(0, 1),
    st.sampled_from(["opened", "clicked", "clicked", "clicked", "viewed"]),
    st.integers(1, 4),
    st.sampled_from([CHROME, CHROME, PROXY]),
    st.integers(0, 12),
)
chunks = st.lists(st.lists(acts, max_size=6), max_size=5)


def counted_anew():
    """(kind, link): [total, unique, by link, and the same of people], from the events as they stand."""
    counts, once = {}, set()

    def is_first(*what):
        first = what not in once
        once.add(what)
        return first

    def add(kind, link, who, offset):
        row = counts.setdefault((kind, link), [0] * 6)
        row[offset] += 1
        row[offset + 1] += is_first(who, kind, offset)
        row[offset + 2] += is_first(who, kind, link, offset)

    privacy, others = Naive(), Naive()
    for event in Event.objects.order_by("pk"):
        who = event.recipient_id
        for offset in (0, 3) if event.agent == "human" else (0,):
            add(event.kind, event.link_position, who, offset)
            if event.kind == "opened" or (who, "read", offset) not in once:
                add("read", 0, who, offset)
        if event.kind == "opened":
            (privacy if event.agent == "proxy" else others)[who] += 1
    for kind, each in (
        ("privacy_opened", privacy),
        ("privacy_opened_otherwise", Naive({w: others[w] for w in privacy})),
    ):
        people = sum(number > 0 for number in each.values())
        if people:
            counts[kind, 0] = [sum(each.values()), people, people, 0, 0, 0]
    return counts


def stored():
    names = ["total", "unique", "unique_by_link", "human_total", "human_unique", "human_unique_by_link"]
    rows = Counter.objects.order_by().values_list("kind", "link_position").annotate(*[Sum(name) for name in names])
    return {(kind, link): list(sums) for kind, link, *sums in rows if any(sums)}


def broken_down(dimension):
    """By kind: [total, unique, human total, human unique] over all values of a dimension."""
    rows = Breakdown.objects.filter(dimension=dimension).order_by().values_list("kind")
    sums = rows.annotate(Sum("total"), Sum("unique"), Sum("human_total"), Sum("human_unique"))
    return {kind: each for kind, *each in sums if any(each)}


class TestAnyOrder(TestCase):
    @given(chunks)
    @settings(max_examples=examples(40), deadline=None)
    def test_counts_are_those_of_the_verdicts_that_stand(self, story):
        with override_settings():
            self.check(story)

    def check(self, story):
        for path in spool.files(django_settings.SPOOL_DIR):
            path.unlink()
        spool._spools.clear()
        run = a_run(people=2)
        people = list(run.recipients.order_by("pk"))
        for chunk in story:
            for who, kind, link, agent, seconds in chunk:
                reader, at = people[who], NINE + timedelta(seconds=seconds)
                position = link if kind == "clicked" else 0
                spool.append(Hit(kind, run.pk, reader.pk, reader.subscriber_id, at, position, "", "", agent))
            ingest()

        expected = counted_anew()
        assert stored() == expected
        by_domain = broken_down("domain")
        for kind in {kind for kind, _ in expected}:
            rows = [row for (each, _), row in expected.items() if each == kind]
            total, unique, _, human_total, human_unique, _ = (sum(column) for column in zip(*rows, strict=True))
            assert by_domain[kind] == [total, unique, human_total, human_unique]


@pytest.mark.django_db
def test_a_burst_over_several_links_turns_the_clicks_before_it_too():
    run = a_run(people=1)
    reader = run.recipients.get()
    spool.append(click(reader, 1))
    ingest()
    assert Counter.objects.get(kind="clicked").human_total == 1

    for position in (2, 3):
        spool.append(click(reader, position))
    ingest()

    assert set(Event.objects.values_list("agent", "agent_reason")) == {("bot", "burst")}
    assert Counter.objects.filter(kind="clicked").aggregate(Sum("total"), Sum("human_total")) == {
        "total__sum": 3,
        "human_total__sum": 0,
    }
    engagement = Engagement.objects.get()
    assert (engagement.clicks, engagement.human_clicks, engagement.human_read_at) == (3, 0, None)


@pytest.mark.django_db
def test_a_proxy_is_counted_and_is_no_person():
    run = a_run(people=1)
    reader = run.recipients.get()
    spool.append(hit(reader, user_agent=CHROME))
    spool.append(hit(reader, minutes=1, user_agent=PROXY))
    spool.append(hit(reader, minutes=2, user_agent=CHROME))

    ingest()

    assert list(Event.objects.order_by("pk").values_list("agent", flat=True)) == ["human", "proxy", "human"]
    counts = {row.kind: (row.total, row.unique, row.human_total) for row in Counter.objects.all()}
    assert counts == {
        "opened": (3, 1, 2),
        "read": (3, 1, 2),
        "privacy_opened": (1, 1, 0),
        "privacy_opened_otherwise": (2, 1, 0),
    }


@pytest.mark.django_db
def test_what_its_sender_repeats_is_counted_once():
    run = a_run(people=2)
    one, two = run.recipients.all()
    for _ in range(2):
        spool.append(hit(one, HitKind.BOUNCED, data={"key": "mail 1", "type": "hard"}))
    ingest()
    spool.append(hit(one, HitKind.BOUNCED, data={"key": "mail 1", "type": "hard"}))
    spool.append(hit(two, HitKind.BOUNCED, data={"key": "mail 2", "type": "soft"}))
    ingest()

    assert Event.objects.count() == 2
    assert SeenHit.objects.count() == 2
    assert {row.kind: row.total for row in Counter.objects.all()} == {
        "bounced": 2,
        "bounced_hard": 1,
        "bounced_soft": 1,
        "bounced_remote": 2,
    }
    assert one.engagement.bounce_type == "hard"


@pytest.mark.django_db
def test_what_was_refused_at_the_door_never_was_sent_and_did_not_bounce():
    run = a_run(people=1)
    for reply in ("550", "550"):
        refusal = {"type": "hard", "origin": "local", "code": reply, "ended": 2}
        spool.append(hit(run.recipients.get(), HitKind.BOUNCED, data=refusal))
    ingest()

    assert {row.kind: (row.total, row.unique) for row in Counter.objects.all()} == {
        "bounced_local": (2, 1),
        "bounce_ended": (4, 2),
    }
    assert Breakdown.objects.get(dimension="bounce").value == "550"
    assert (run.recipients.get().engagement.bounced_at, run.recipients.get().engagement.bounce_type) == (None, "hard")


@pytest.mark.django_db
def test_money_is_added_up_in_hundredths():
    run = a_run(people=1)
    reader = run.recipients.get()
    for cents in (1250, 99):
        spool.append(hit(reader, HitKind.CONVERTED, data={"cents": cents}))
    ingest()

    assert reader.engagement.revenue_cents == 1349
    assert Counter.objects.get(kind="converted").revenue_cents == 1349


@pytest.mark.django_db
def test_hours_begin_when_they_begin_on_the_organizations_clock():
    run = a_run(people=1)
    run.campaign.organization.timezone = "Asia/Kolkata"
    run.campaign.organization.save()
    spool.append(hit(run.recipients.get(), minutes=45))
    ingest()

    assert Counter.objects.filter(kind="opened").get().hour == NINE + timedelta(minutes=30)


@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
@pytest.mark.parametrize("month", [4, 10])
def test_an_hour_is_the_one_the_clock_shows(timezone, month):
    zone, start = ZoneInfo(timezone), datetime(2026, month, 3, tzinfo=UTC)
    for minutes in range(0, 48 * 60, 5):
        at = start + timedelta(minutes=minutes)
        local = hour_of(at, timezone).astimezone(zone)
        assert local.hour == at.astimezone(zone).hour
        # On Lord Howe clocks go forward by half an hour, and one hour begins at its half.
        assert local.minute == 0 or (timezone, local.hour, local.minute) == ("Australia/Lord_Howe", 2, 30)
        assert timedelta(0) <= at - hour_of(at, timezone) < timedelta(hours=1, minutes=31)

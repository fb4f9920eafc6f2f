"""Old hits judged by new rules: afterwards everything is as if they had been judged by them at once."""

from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from stats import classification, counting, old_hits, reclassify
from stats.classification import of_history
from stats.counting import Judged
from stats.ingest import ingest
from stats.models import Breakdown, ClickedLink, CountedKind, Counter, Engagement, Event
from stats.standings import LINK_STANDING, STANDING
from stats.tally import BREAKDOWN_COUNTS, COUNTS, Tally
from tests.examples import examples
from tests.stats.populations import BROWSER, NINE, a_run, click, hit
from tests.stats.processes import kill, process, wait_until
from tracking import spool
from tracking.spool import Hit

CURL, APPLE = "curl/8.0", "Mozilla/5.0"
MANAGE = ["manage.py", "reclassify"]


@contextmanager
def older_rules(**reasons):
    """Rules of version 1, which give these reasons by user agent and know neither bursts nor the hidden link."""
    told = {CURL: "", APPLE: "", BROWSER: "", **{globals()[name]: reason for name, reason in reasons.items()}}
    with (
        patch.object(classification, "VERSION", 1),
        patch.object(classification.user_agents, "reason", lambda user_agent, is_open: told[user_agent]),
        patch.object(classification, "in_bursts", lambda hits: set()),
        patch.object(classification, "beside_hidden_link", lambda hits: set()),
    ):
        yield


def as_stored():
    """Every row that holds a count, by what it is about."""
    standings = {
        row["recipient_id"]: {name: row[name] for name in counting.STANDING} for row in Engagement.objects.values()
    }
    links = {
        (row.recipient_id, row.link_position): [getattr(row, name) for name in counting.LINK_STANDING]
        for row in ClickedLink.objects.all()
    }
    counters = {
        (row.run_id, row.variant_id, row.kind, row.link_position, row.hour): [getattr(row, name) for name in COUNTS]
        for row in Counter.objects.all()
    }
    breakdowns = {
        (row.run_id, row.variant_id, row.dimension, row.value, row.kind): [
            getattr(row, name) for name in BREAKDOWN_COUNTS
        ]
        for row in Breakdown.objects.all()
    }
    return standings, links, without_zeros(counters), without_zeros(breakdowns)


def from_scratch():
    """The same, counted at once from the hits by today's rules."""
    events = list(Event.objects.order_by("pk"))
    known = counting.known_recipients({event.recipient_id for event in events})
    hits = [Hit(*[getattr(event, name) for name in reclassify.HIT]) for event in events]
    verdicts = {}
    for recipient in known:
        places = [place for place, each in enumerate(hits) if each.recipient_id == recipient]
        judged = of_history([hits[place] for place in places], known[recipient].settled_at)
        verdicts |= dict(zip(places, judged, strict=True))
    tally = Tally({}, {})
    counting.add_up(tally, [Judged(each, known[each.recipient_id], verdicts[place]) for place, each in enumerate(hits)])
    return (
        {pk: {name: getattr(each, name) for name in STANDING} for pk, each in tally.standings.items()},
        {key: [getattr(each, name) for name in LINK_STANDING] for key, each in tally.links.items()},
        without_zeros({tuple(key): [getattr(each, name) for name in COUNTS] for key, each in tally.counts.items()}),
        without_zeros(
            {tuple(key): [getattr(each, name) for name in BREAKDOWN_COUNTS] for key, each in tally.breakdowns.items()}
        ),
    )


def without_zeros(counts):
    return {key: numbers for key, numbers in counts.items() if any(numbers)}


def store(*hits):
    for each in hits:
        spool.append(each)
    ingest()


def judge(**options):
    return old_hits.judge(old_hits.waiting(), **options)


def judged_by():
    return set(Event.objects.values_list("rules_version", flat=True))


# --- any story ---------------------------------------------------------------------------------------------------

acts = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["opened", "clicked", "clicked", "clicked", "viewed", "probed", "bounced", "unsubscribed"]),
    st.integers(1, 4),
    st.sampled_from([BROWSER, BROWSER, APPLE, CURL]),
    st.integers(0, 40),
)
stories = st.lists(st.lists(acts, max_size=6), max_size=3)


def tell(story, people):
    for chunk in story:
        store(
            *[
                Hit(
                    *(kind, people[who].run_id, people[who].pk, people[who].subscriber_id),
                    NINE + timedelta(seconds=20 * seconds),
                    link if kind == "clicked" else 0,
                    user_agent=agent,
                )
                for who, kind, link, agent, seconds in chunk
            ]
        )


def as_before_there_were_rules(organization):
    """What the migrations made of a database of then: people's hits, in hours of UTC, nothing broken down."""
    Event.objects.update(rules_version=0, agent="human", agent_reason="")
    Breakdown.objects.all().delete()
    Counter.objects.filter(kind__in={*CountedKind.values} - {"read"}).delete()
    for row in Engagement.objects.exclude(clicked_at=None):
        Engagement.objects.filter(pk=row.pk).update(last_clicked_at=row.clicked_at)
    organization.timezone = "Asia/Kolkata"
    organization.save()


class TestAnyStory(TestCase):
    def people(self):
        for path in spool.files(django_settings.SPOOL_DIR):
            path.unlink()
        spool._spools.clear()
        return list(a_run(people=3).recipients.order_by("pk"))

    @given(stories, stories, st.sampled_from(["", "apple_mpp", "http_library"]), st.integers(1, 3))
    @settings(max_examples=examples(25), deadline=None)
    def test_rules_changed_in_the_middle_change_nothing_in_the_end(self, before, after, reason, chunk):
        people = self.people()
        with older_rules(APPLE=reason):
            tell(before, people)
        tell(after, people)

        outcome = judge(chunk=chunk)

        assert as_stored() == from_scratch()
        assert judged_by() <= {classification.VERSION}
        assert not outcome.passed_over
        assert judge().hits == 0

    @given(stories, stories)
    @settings(max_examples=examples(25), deadline=None)
    def test_hits_from_before_there_were_rules_are_counted_as_if_there_had_been(self, before, after):
        people = self.people()
        with older_rules():  # when there was no hidden link either
            tell([[act for act in chunk if act[1] != "probed"] for chunk in before], people)
        as_before_there_were_rules(people[0].run.campaign.organization)
        tell(after, people)

        judge(chunk=1)

        assert as_stored() == from_scratch()
        assert judged_by() <= {classification.VERSION}


# --- stopped, thinned, only tried --------------------------------------------------------------------------------


@pytest.fixture
def scanned(db):
    """Six people of two runs whose pixels a program has loaded, when nobody knew it for one."""
    people = [*a_run(people=4).recipients.order_by("pk"), *a_run(people=2).recipients.order_by("pk")]
    with older_rules():
        store(*[hit(reader, minutes=place, user_agent=CURL) for place, reader in enumerate(people)])
    assert sum(row.human_total for row in Counter.objects.filter(kind="opened")) == 6
    return people


def test_who_is_stopped_goes_on_where_they_were(scanned):
    really, calls = reclassify.recheck, []

    def stopped_in_the_third(recipients):
        done = really(recipients)
        calls.append(recipients)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return done

    with patch.object(reclassify, "recheck", stopped_in_the_third), pytest.raises(KeyboardInterrupt):
        judge(chunk=1)

    assert Event.objects.filter(rules_version=classification.VERSION).count() == 2  # the third was not committed
    assert sum(row.human_total for row in Counter.objects.filter(kind="opened")) == 4
    assert judge(chunk=1).hits == 4
    assert as_stored() == from_scratch()


def test_people_whose_hits_are_gone_are_passed_over_and_their_run_is_named(scanned):
    with older_rules():
        store(hit(scanned[0], minutes=30, user_agent=CURL))
    Event.objects.filter(recipient=scanned[0]).first().delete()
    before = Engagement.objects.get(recipient=scanned[0])

    out = StringIO()
    call_command("reclassify", stdout=out)

    assert f"Passed over in “{scanned[0].run.campaign.name}”, run 1: 1 recipients." in out.getvalue()
    assert "5  human -> bot (http_library)" in out.getvalue()
    after = Engagement.objects.get(recipient=scanned[0])
    assert (after.opens, after.human_opens) == (before.opens, before.human_opens) == (2, 2)
    assert sum(row.human_total for row in Counter.objects.filter(kind="opened")) == 2
    assert Event.objects.get(recipient=scanned[0]).agent == "human"


def test_the_hits_of_erased_people_stay_as_they_are(scanned):
    Event.objects.filter(recipient=scanned[0]).update(subscriber=None)
    scanned[0].subscriber = None
    scanned[0].save()

    assert judge().hits == 5
    assert Event.objects.get(recipient=scanned[0]).rules_version == 1


def test_a_trial_says_what_would_change_and_changes_nothing(scanned):
    before, out = as_stored(), StringIO()

    call_command("reclassify", "--dry-run", stdout=out)

    assert "6 hits judged" in out.getvalue()
    assert "6 verdicts would change" in out.getvalue()
    assert as_stored() == before
    assert judged_by() == {1}


def test_one_campaign_or_some_days_can_be_judged_alone(scanned):
    other = scanned[5].run.campaign

    call_command("reclassify", f"--campaign={other.public_id}", stdout=StringIO())
    assert set(Event.objects.filter(rules_version=classification.VERSION).values_list("run__campaign", flat=True)) == {
        other.pk
    }
    out = StringIO()
    call_command("reclassify", "--since=2026-11-22", stdout=out)
    assert "0 hits judged" in out.getvalue()
    call_command("reclassify", "--since=2026-11-21", stdout=out)
    assert judged_by() == {classification.VERSION}


def test_after_a_change_of_settings_everything_can_be_judged(scanned, settings):
    with older_rules():
        store(hit(scanned[0], minutes=90, ip_address="192.0.2.4"))
    judge()
    settings.SCANNER_NETWORKS = ["192.0.2.0/24"]
    out = StringIO()

    call_command("reclassify", stdout=out)
    assert "0 hits judged" in out.getvalue()
    call_command("reclassify", "--all", stdout=out)

    assert "1  human -> bot (own_scanner)" in out.getvalue()
    assert as_stored() == from_scratch()


def test_what_makes_no_sense_is_refused(db):
    with pytest.raises(CommandError, match="There is no campaign “cmp_none”"):
        call_command("reclassify", "--campaign=cmp_none")
    with pytest.raises(CommandError, match="is no day"):
        call_command("reclassify", "--since=yesterday")


def test_a_burst_that_is_known_stays_one_when_later_hits_are_stored(db):
    reader = a_run(people=1).recipients.get()
    store(*[click(reader, position) for position in (1, 2, 3)])

    store(hit(reader, minutes=60))

    assert as_stored() == from_scratch()


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_nothing_half_done(environment):
    """Killed at any moment, the next one makes the same of it as one that was never killed."""
    people = list(a_run(people=300).recipients.order_by("pk"))
    with older_rules():
        store(*[hit(reader, user_agent=CURL) for reader in people])
    done = Event.objects.filter(rules_version=classification.VERSION)

    with process([*MANAGE, "--chunk=1"], environment) as working:
        wait_until(lambda: done.count() > 10, working)
        kill(working)

    assert 10 < done.count() < 300
    assert sum(row.human_total for row in Counter.objects.filter(kind="opened")) == 300 - done.count()
    judge()
    assert as_stored() == from_scratch()

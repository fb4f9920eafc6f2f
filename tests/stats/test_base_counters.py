"""Vendors' counters, and what is derived from them."""

from dataclasses import asdict

import pytest
from django.conf import settings as django_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from campaigns.models import CampaignRun, Variant
from delivery.models import Recipient
from stats.base_counters import NUMBERS, BaseCounters, added, for_campaigns, of
from stats.counted import Sums
from stats.derived import derived, privacy_protection
from stats.ingest import ingest
from stats.outcomes import refresh_stale
from stats.reports import report
from tests.examples import examples
from tests.factories import EmailFactory, draft_campaign
from tests.stats.populations import a_run, click, hit
from tests.stats.test_reports import with_content
from tracking import spool
from tracking.spool import HitKind

PROXY = "Mozilla/5.0"
SCANNER = "curl/8.5.0"
# In GreenArrow's words what is printed is (“Autoresponder Statistics” of its API): messages_sent, messages_html,
# accepted, accepted_rate, in_queue, in_queue_rate, max_unique_activities, open_rate, open_ratio, unopened,
# duplicate_opens, click_rate, click_to_open_rate, unclicked, unbounced, bounce_rate, bounce_rate_hard,
# duplicate_unsubs, unsub_rate.
PRINTED = {
    "messages": 277,
    "messages_html": 274,
    "accepted": 275,
    "accepted_rate": 0.9927797833935018,
    "in_queue": 0,
    "in_queue_rate": 0.0,
    "most_active": 101,
    "open_rate": 0.36727272727272725,
    "opens_each": 2.9603960396039604,
    "unopened": 174,
    "repeated_opens": 198,
    "click_rate": 0.08,
    "click_to_open_rate": 0.21782178217821782,
    "unclicked": 253,
    "unbounced": 275,
    "bounce_rate": 0.007220216606498195,
    "hard_rate": 1.0,
    "repeated_unsubscribes": 7,
    "unsubscribe_rate": 0.08363636363636363,
}


def test_what_the_vendor_prints_is_what_comes_out():
    base = BaseCounters(
        sent_text=3,
        sent_html=137,
        sent_multipart=137,
        bounces=2,
        bounced=2,
        bounced_hard=2,
        opens=299,
        opened=101,
        clicks=22,
        clicked=22,
        complained=2,
        unsubscribes=30,
        unsubscribed=23,
    )

    found = asdict(derived(base))

    assert {name: found[name] for name in PRINTED} == PRINTED


numbers = st.integers(0, 1000)
anything = st.fixed_dictionaries(dict.fromkeys(NUMBERS, numbers)).map(lambda values: BaseCounters(**values))
ABOVE_ONE = {"opens_each"}


@given(anything)
def test_nothing_derived_is_negative_and_no_share_is_above_one(base):
    found = asdict(derived(base))

    assert all(value >= 0 for value in found.values())
    assert all(value <= 1 for name, value in found.items() if isinstance(value, float) and name not in ABOVE_ONE)


@given(anything)
def test_no_group_of_openers_has_less_than_nobody(base):
    found = asdict(privacy_protection(base))

    for group in found.values():
        assert all(value >= 0 for value in group.values())
        assert all(value <= 1 for name, value in group.items() if name.endswith("rate"))


@given(st.lists(anything, max_size=4))
def test_variants_add_up_to_their_campaign(variants):
    whole = added(variants)

    for name in NUMBERS:
        assert getattr(whole, name) == sum(getattr(each, name) for each in variants)


def test_codes_of_variants_add_up():
    whole = added([BaseCounters(bounced_by_code={"200": 1}), BaseCounters(bounced_by_code={"200": 2, "209": 1})])

    assert whole.bounced_by_code == {"200": 3, "209": 1}


# --- from what came back -----------------------------------------------------------------------------------------


def send_back(*hits):
    for each in hits:
        spool.append(each)
    ingest()


def only(campaign):
    [counters] = for_campaigns([campaign.pk])[campaign.pk].values()
    return counters


class Privacy(TestCase):
    """P and N as sets of people, by hand, beside what the counters say of them."""

    @settings(max_examples=examples(30), deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([PROXY, None, SCANNER])), max_size=8))
    def test_sets_of_openers_are_those_of_the_hits(self, opens):
        for path in spool.files(django_settings.SPOOL_DIR):  # of the example before, whose run is gone
            path.unlink()
        spool._spools.clear()
        run = a_run(people=3)
        who = list(run.recipients.all())
        agents = [{"user_agent": agent} if agent else {} for _, agent in opens]
        send_back(
            *[
                hit(who[place], minutes=minute, **about)
                for minute, ((place, _), about) in enumerate(zip(opens, agents, strict=True))
            ]
        )
        p = {place for place, agent in opens if agent == PROXY}
        n = {place for place, agent in opens if agent != PROXY}
        plain = [place for place, agent in opens if agent != PROXY]

        found = privacy_protection(only(run.campaign))

        everybody, proxied, others = found.everybody, found.proxied, found.others
        assert (everybody.people, proxied.people, others.people) == (3, len(p), 3 - len(p))
        assert (everybody.opened, proxied.opened, others.opened) == (len(p | n), len(p), len(n - p))
        assert (everybody.plain_opened, proxied.plain_opened, others.plain_opened) == (len(n), len(n & p), len(n - p))
        assert (everybody.opens, everybody.plain_opens) == (len(opens), len(plain))
        assert proxied.plain_opens == sum(place in p for place in plain)
        assert others.plain_opens == sum(place not in p for place in plain)
        assert proxied.privacy_opened_rate == (1.0 if p else 0.0)


@pytest.mark.django_db
def test_a_campaigns_counters_say_what_came_back():
    run = with_content(a_run(people=8))
    one, two, three, four, five, refused, expired, doubted = run.recipients.all()
    Recipient.objects.filter(pk__in=[refused.pk, expired.pk]).update(state="failed")
    Recipient.objects.filter(pk=doubted.pk).update(state="in_doubt")
    CampaignRun.objects.filter(pk=run.pk).update(sent=5, failed=2, in_doubt=1)
    local = {"type": "hard", "origin": "local", "code": "10"}
    send_back(
        hit(one),
        hit(one, minutes=1),
        click(two, 1),
        click(two, 2, minutes=1),
        click(three, 1, user_agent=SCANNER),
        hit(four, HitKind.BOUNCED, data={"type": "soft", "origin": "remote", "code": "20", "ended": 1}),
        hit(four, HitKind.BOUNCED, data={"type": "hard", "origin": "remote", "code": "10"}, minutes=1),
        hit(refused, HitKind.BOUNCED, data=local),
        hit(five, HitKind.COMPLAINED, data={"ended": 2}),
        hit(five, HitKind.UNSUBSCRIBED, minutes=1),
    )

    found = only(run.campaign)

    assert (found.sent_multipart, found.sent_text, found.handed_over) == (8, 0, 8)
    assert (found.accepted, found.refused, found.expired) == (5, 1, 1)
    assert (found.bounces, found.bounced, found.bounced_local, found.bounced_remote) == (4, 3, 2, 1)
    assert (found.bounced_hard, found.bounced_soft, found.bounced_other) == (1, 2, 0)
    assert found.bounced_by_code == {"20": 1, "10": 1, "": 1}
    assert (found.bounce_ended, found.complaint_ended, found.unsubscribe_ended) == (1, 2, 0)
    assert (found.opens, found.opened) == (2, 1)  # a click implies none
    assert (found.clicks, found.clicked, found.clicked_links) == (3, 2, 3)
    assert (found.complained, found.unsubscribed) == (1, 1)
    counted = derived(found)
    assert (counted.messages, counted.in_queue, counted.accepted) == (8, 1, 4)
    assert counted.accepted == report(run.campaign).figures.delivered


@pytest.mark.parametrize(
    ("code", "types"),
    [("100", (1, 0, 0)), ("203", (0, 1, 0)), ("301", (0, 0, 1)), ("10", (1, 0, 0)), ("", (1, 0, 0))],
    ids=["no such mailbox", "deferred to the end", "blocked", "a code of others", "none"],
)
def test_a_refusal_at_hand_over_is_of_the_type_that_its_code_says(code, types):
    counts = {"bounced_local": Sums(1, 1)}

    found = of(counts, {("failed", ""): 1}, {code: 1}, refusals={code: 1})

    assert (found.bounced_hard, found.bounced_soft, found.bounced_other) == types
    assert (found.bounced, found.bounced_local, found.refused) == (1, 1, 1)


@pytest.mark.django_db
def test_what_was_refused_for_now_is_no_hard_bounce():
    run = with_content(a_run(people=2))
    Recipient.objects.update(state="failed")
    CampaignRun.objects.update(sent=0, failed=2)
    busy, gone = run.recipients.all()
    local = {"origin": "local"}
    send_back(
        hit(busy, HitKind.BOUNCED, data=local | {"type": "soft", "code": "203"}),
        hit(gone, HitKind.BOUNCED, data=local | {"type": "hard", "code": "100"}),
    )

    found = only(run.campaign)

    assert (found.bounced_hard, found.bounced_soft, found.bounced_local) == (1, 1, 2)
    assert found.bounced_by_code == {"203": 1, "100": 1}


@pytest.mark.django_db
def test_counters_of_variants_are_those_of_their_recipients():
    campaign = draft_campaign(people=0)
    other = Variant.objects.create(
        campaign=campaign, position=1, name="B", email=EmailFactory(organization=campaign.organization)
    )
    run = a_run(people=3, campaign=campaign)
    last = run.recipients.last()
    Recipient.objects.filter(pk=last.pk).update(variant=other)
    send_back(hit(last), hit(run.recipients.first()))

    a, b = for_campaigns([campaign.pk])[campaign.pk].values()

    assert (a.handed_over, a.opened) == (2, 1)
    assert (b.handed_over, b.opened) == (1, 1)


@pytest.mark.django_db
def test_a_draft_has_zeros():
    assert only(draft_campaign(people=0)) == BaseCounters()


@pytest.mark.django_db
def test_many_campaigns_cost_what_one_costs(django_assert_max_num_queries):
    ids = [a_run(people=1).campaign_id for _ in range(4)]
    refresh_stale(2)

    with django_assert_max_num_queries(9):
        for_campaigns(ids[:1])
    with django_assert_max_num_queries(9):
        assert list(for_campaigns(ids)) == ids

"""The vendor's own figures come out of the vendor's own counters. Without a database."""

from api.greenarrow.campaigns import statistics
from stats.base_counters import BaseCounters

PRINTED = BaseCounters(
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
    complaints=2,
    unsubscribes=30,
    unsubscribed=23,
)
EXPECTED = {
    "messages_sent": 277,
    "messages_html": 274,
    "messages_text": 3,
    "accepted": 275,
    "accepted_rate": 0.9927797833935018,
    "in_queue": 0,
    "in_queue_rate": 0.0,
    "max_unique_activities": 101,
    "open_rate": 0.36727272727272725,
    "open_ratio": 2.9603960396039604,
    "unopened": 174,
    "duplicate_opens": 198,
    "click_rate": 0.08,
    "click_to_open_rate": 0.21782178217821782,
    "unclicked": 253,
    "bounced": 2,
    "unbounced": 275,
    "bounce_rate": 0.007220216606498195,
    "bounce_rate_hard": 1.0,
    "bounce_rate_soft": 0.0,
    "duplicate_unsubs": 7,
    "unsub_rate": 0.08363636363636363,
}


def test_what_is_derived_is_what_the_vendor_prints():
    shown = statistics.summary(PRINTED, {"stat_id": 5})

    assert {name: shown[name] for name in EXPECTED} == EXPECTED
    assert shown["stat_id"] == 5


def test_copies_to_seed_addresses_are_messages_and_nothing_else():
    shown = statistics.summary(PRINTED, {"stat_id": 5}, seeds=4, seeds_accepted=3)

    assert (shown["total_messages"], shown["total_success"], shown["messages_sent"]) == (4, 3, 277)


def test_a_content_nobody_got_has_no_id_and_no_codes():
    shown = statistics.summary(BaseCounters(), {})

    assert shown["bounces_unique_by_code"] is None
    assert "stat_slice_id" not in shown
    assert shown["open_rate"] == 0.0


def test_privacy_protection_tells_three_groups_apart():
    """Ten got it; four opened through a proxy, one of them also without; two opened without it alone."""
    base = BaseCounters(
        sent_html=10,
        handed_over=10,
        accepted=10,
        opens=12,
        opened=6,
        privacy_opens=5,
        privacy_opened=4,
        otherwise_opens=3,
        otherwise_opened=1,
    )

    groups = statistics.privacy(base)

    everybody, proxied, others = groups.values()
    assert list(groups) == ["all_subscribers", "privacy_subscribers", "nonprivacy_subscribers"]
    assert everybody == {
        "opens_unique": 6,
        "opens_unique_rate": 0.6,
        "opens_total": 12,
        "privacy_opens_unique": 4,
        "privacy_opens_unique_rate": 0.4,
        "privacy_opens_total": 5,
        "nonprivacy_opens_unique": 3,
        "nonprivacy_opens_unique_rate": 0.3,
        "nonprivacy_opens_total": 7,
        "subscriber_count": 10,
    }
    assert proxied["subscriber_count"] == proxied["privacy_opens_unique"] == 4
    assert proxied["privacy_opens_unique_rate"] == 1.0
    assert (proxied["nonprivacy_opens_unique"], proxied["nonprivacy_opens_total"]) == (1, 3)
    assert others == {
        "opens_unique": 2,
        "nonprivacy_opens_unique": 2,
        "nonprivacy_opens_unique_rate": 2 / 6,
        "nonprivacy_opens_total": 4,
        "subscriber_count": 6,
    }

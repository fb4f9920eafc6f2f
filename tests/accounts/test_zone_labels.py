"""Time zones as old programs call them."""

from zoneinfo import available_timezones

import pytest

from accounts import zone_labels


def test_every_name_means_a_zone_there_is():
    assert set(zone_labels.NAMES.values()) <= available_timezones()


@pytest.mark.parametrize("name", zone_labels.NAMES)
def test_a_label_is_read_as_the_zone_it_was_made_of(name):
    zone = zone_labels.NAMES[name]

    assert zone_labels.named(zone_labels.label(zone)) == zone
    assert zone_labels.named(name) == zone


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("(GMT+09:00) Osaka, Sapporo, Tokyo", "Asia/Tokyo"),
        ("(GMT+02:00) Nowhere", "Etc/GMT-2"),
        ("+03:00", "Etc/GMT-3"),
        ("GMT+3", "Etc/GMT-3"),
        ("UTC-5", "Etc/GMT+5"),
        ("Z", "UTC"),
        ("(GMT) London", "Europe/London"),
        ("+05:30", None),
        ("Mars", None),
        ("", None),
    ],
)
def test_zones_as_clients_write_them(written, zone):
    assert zone_labels.resolved(written) == zone

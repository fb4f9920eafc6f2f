"""Time zones by the labels that Rails has for them, both ways: `(GMT-06:00) Central Time (US & Canada)`."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

NAMES = {
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Anchorage",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Arizona": "America/Phoenix",
    "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago",
    "Mexico City": "America/Mexico_City",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Bogota": "America/Bogota",
    "Atlantic Time (Canada)": "America/Halifax",
    "Santiago": "America/Santiago",
    "Newfoundland": "America/St_Johns",
    "Brasilia": "America/Sao_Paulo",
    "Buenos Aires": "America/Argentina/Buenos_Aires",
    "Azores": "Atlantic/Azores",
    "UTC": "UTC",
    "Lisbon": "Europe/Lisbon",
    "London": "Europe/London",
    "Dublin": "Europe/Dublin",
    "Amsterdam": "Europe/Amsterdam",
    "Berlin": "Europe/Berlin",
    "Brussels": "Europe/Brussels",
    "Madrid": "Europe/Madrid",
    "Paris": "Europe/Paris",
    "Rome": "Europe/Rome",
    "Stockholm": "Europe/Stockholm",
    "Vienna": "Europe/Vienna",
    "Warsaw": "Europe/Warsaw",
    "Athens": "Europe/Athens",
    "Cairo": "Africa/Cairo",
    "Helsinki": "Europe/Helsinki",
    "Jerusalem": "Asia/Jerusalem",
    "Pretoria": "Africa/Johannesburg",
    "Istanbul": "Europe/Istanbul",
    "Moscow": "Europe/Moscow",
    "Riyadh": "Asia/Riyadh",
    "Nairobi": "Africa/Nairobi",
    "Abu Dhabi": "Asia/Muscat",
    "Karachi": "Asia/Karachi",
    "Mumbai": "Asia/Kolkata",
    "New Delhi": "Asia/Kolkata",
    "Dhaka": "Asia/Dhaka",
    "Bangkok": "Asia/Bangkok",
    "Beijing": "Asia/Shanghai",
    "Hong Kong": "Asia/Hong_Kong",
    "Singapore": "Asia/Singapore",
    "Perth": "Australia/Perth",
    "Tokyo": "Asia/Tokyo",
    "Seoul": "Asia/Seoul",
    "Adelaide": "Australia/Adelaide",
    "Brisbane": "Australia/Brisbane",
    "Sydney": "Australia/Sydney",
    "Auckland": "Pacific/Auckland",
}
_BY_ZONE = {zone: name for name, zone in reversed(NAMES.items())}
_WINTER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


def label(zone: str) -> str:
    """With the zone's standard offset; a zone Rails has no name for goes by its own."""
    place = ZoneInfo(zone)
    offset = min((at.astimezone(place).utcoffset() or timedelta() for at in _WINTER), key=lambda each: each)
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"(GMT{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}) {_BY_ZONE.get(zone, zone)}"


def iana(written: str) -> str | None:
    """Of a label, its name alone, or a zone's own name; None for what is none."""
    name = written.strip()
    if name.startswith("(GMT"):
        name = name.partition(")")[2].strip()
    if name in NAMES:
        return NAMES[name]
    return name if name in available_timezones() else None

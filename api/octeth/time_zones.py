"""Time zones as clients write them: IANA names, old labels such as `(GMT-03:00) Brasilia`, and plain offsets.

The labels are those of Ruby on Rails' table of cities (ActiveSupport::TimeZone::MAPPING), which Oempro's lists of zones
came from.
"""

import re
from zoneinfo import available_timezones

CITIES = {
    "international date line west": "Etc/GMT+12",
    "midway island": "Pacific/Midway",
    "american samoa": "Pacific/Pago_Pago",
    "samoa": "Pacific/Apia",
    "hawaii": "Pacific/Honolulu",
    "alaska": "America/Juneau",
    "pacific time (us & canada)": "America/Los_Angeles",
    "tijuana": "America/Tijuana",
    "mountain time (us & canada)": "America/Denver",
    "arizona": "America/Phoenix",
    "chihuahua": "America/Chihuahua",
    "mazatlan": "America/Mazatlan",
    "central time (us & canada)": "America/Chicago",
    "saskatchewan": "America/Regina",
    "guadalajara": "America/Mexico_City",
    "mexico city": "America/Mexico_City",
    "monterrey": "America/Monterrey",
    "central america": "America/Guatemala",
    "eastern time (us & canada)": "America/New_York",
    "indiana (east)": "America/Indiana/Indianapolis",
    "bogota": "America/Bogota",
    "lima": "America/Lima",
    "quito": "America/Lima",
    "atlantic time (canada)": "America/Halifax",
    "caracas": "America/Caracas",
    "la paz": "America/La_Paz",
    "santiago": "America/Santiago",
    "newfoundland": "America/St_Johns",
    "brasilia": "America/Sao_Paulo",
    "buenos aires": "America/Argentina/Buenos_Aires",
    "montevideo": "America/Montevideo",
    "georgetown": "America/Guyana",
    "puerto rico": "America/Puerto_Rico",
    "greenland": "America/Nuuk",
    "mid-atlantic": "Atlantic/South_Georgia",
    "azores": "Atlantic/Azores",
    "cape verde is.": "Atlantic/Cape_Verde",
    "dublin": "Europe/Dublin",
    "edinburgh": "Europe/London",
    "lisbon": "Europe/Lisbon",
    "london": "Europe/London",
    "casablanca": "Africa/Casablanca",
    "monrovia": "Africa/Monrovia",
    "belgrade": "Europe/Belgrade",
    "bratislava": "Europe/Bratislava",
    "budapest": "Europe/Budapest",
    "ljubljana": "Europe/Ljubljana",
    "prague": "Europe/Prague",
    "sarajevo": "Europe/Sarajevo",
    "skopje": "Europe/Skopje",
    "warsaw": "Europe/Warsaw",
    "zagreb": "Europe/Zagreb",
    "brussels": "Europe/Brussels",
    "copenhagen": "Europe/Copenhagen",
    "madrid": "Europe/Madrid",
    "paris": "Europe/Paris",
    "amsterdam": "Europe/Amsterdam",
    "berlin": "Europe/Berlin",
    "bern": "Europe/Zurich",
    "zurich": "Europe/Zurich",
    "rome": "Europe/Rome",
    "stockholm": "Europe/Stockholm",
    "vienna": "Europe/Vienna",
    "west central africa": "Africa/Algiers",
    "bucharest": "Europe/Bucharest",
    "cairo": "Africa/Cairo",
    "helsinki": "Europe/Helsinki",
    "kyiv": "Europe/Kiev",
    "kyev": "Europe/Kiev",
    "riga": "Europe/Riga",
    "sofia": "Europe/Sofia",
    "tallinn": "Europe/Tallinn",
    "vilnius": "Europe/Vilnius",
    "athens": "Europe/Athens",
    "istanbul": "Europe/Istanbul",
    "minsk": "Europe/Minsk",
    "jerusalem": "Asia/Jerusalem",
    "harare": "Africa/Harare",
    "pretoria": "Africa/Johannesburg",
    "kaliningrad": "Europe/Kaliningrad",
    "moscow": "Europe/Moscow",
    "st. petersburg": "Europe/Moscow",
    "volgograd": "Europe/Volgograd",
    "samara": "Europe/Samara",
    "kuwait": "Asia/Kuwait",
    "riyadh": "Asia/Riyadh",
    "nairobi": "Africa/Nairobi",
    "baghdad": "Asia/Baghdad",
    "tehran": "Asia/Tehran",
    "abu dhabi": "Asia/Muscat",
    "muscat": "Asia/Muscat",
    "baku": "Asia/Baku",
    "tbilisi": "Asia/Tbilisi",
    "yerevan": "Asia/Yerevan",
    "kabul": "Asia/Kabul",
    "ekaterinburg": "Asia/Yekaterinburg",
    "islamabad": "Asia/Karachi",
    "karachi": "Asia/Karachi",
    "tashkent": "Asia/Tashkent",
    "chennai": "Asia/Kolkata",
    "kolkata": "Asia/Kolkata",
    "mumbai": "Asia/Kolkata",
    "new delhi": "Asia/Kolkata",
    "kathmandu": "Asia/Kathmandu",
    "dhaka": "Asia/Dhaka",
    "sri jayawardenepura": "Asia/Colombo",
    "almaty": "Asia/Almaty",
    "astana": "Asia/Almaty",
    "novosibirsk": "Asia/Novosibirsk",
    "rangoon": "Asia/Rangoon",
    "bangkok": "Asia/Bangkok",
    "hanoi": "Asia/Bangkok",
    "jakarta": "Asia/Jakarta",
    "krasnoyarsk": "Asia/Krasnoyarsk",
    "beijing": "Asia/Shanghai",
    "chongqing": "Asia/Chongqing",
    "hong kong": "Asia/Hong_Kong",
    "urumqi": "Asia/Urumqi",
    "kuala lumpur": "Asia/Kuala_Lumpur",
    "singapore": "Asia/Singapore",
    "taipei": "Asia/Taipei",
    "perth": "Australia/Perth",
    "irkutsk": "Asia/Irkutsk",
    "ulaanbaatar": "Asia/Ulaanbaatar",
    "seoul": "Asia/Seoul",
    "osaka": "Asia/Tokyo",
    "sapporo": "Asia/Tokyo",
    "tokyo": "Asia/Tokyo",
    "yakutsk": "Asia/Yakutsk",
    "darwin": "Australia/Darwin",
    "adelaide": "Australia/Adelaide",
    "canberra": "Australia/Canberra",
    "melbourne": "Australia/Melbourne",
    "sydney": "Australia/Sydney",
    "brisbane": "Australia/Brisbane",
    "hobart": "Australia/Hobart",
    "vladivostok": "Asia/Vladivostok",
    "guam": "Pacific/Guam",
    "port moresby": "Pacific/Port_Moresby",
    "magadan": "Asia/Magadan",
    "srednekolymsk": "Asia/Srednekolymsk",
    "solomon is.": "Pacific/Guadalcanal",
    "new caledonia": "Pacific/Noumea",
    "fiji": "Pacific/Fiji",
    "kamchatka": "Asia/Kamchatka",
    "marshall is.": "Pacific/Majuro",
    "auckland": "Pacific/Auckland",
    "wellington": "Pacific/Auckland",
    "nuku'alofa": "Pacific/Tongatapu",
    "tokelau is.": "Pacific/Fakaofo",
    "chatham is.": "Pacific/Chatham",
}
_LABEL = re.compile(r"\(\s*(?:GMT|UTC)\s*(?P<offset>[+-]\d{1,2}(?::?\d{2})?)?\s*\)\s*(?P<city>.*)\Z", re.IGNORECASE)
_OFFSET = re.compile(r"(?:GMT|UTC)?\s*(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?\Z", re.IGNORECASE)
_IANA = {name.lower(): name for name in available_timezones()}


def resolved(written: str) -> str | None:
    """The IANA name of the zone this means; None for what means none.

    A label whose city is unknown means its offset. Offsets that are no whole hours have no IANA zone and are refused.
    """
    text = written.strip()
    if found := _IANA.get(text.lower()) or CITIES.get(text.lower()):
        return found
    if text.upper() in ("Z", "UTC", "GMT"):
        return "UTC"
    if label := _LABEL.match(text):
        return _of_city(label["city"]) or _fixed(label["offset"] or "+0")
    return _fixed(text)


def _of_city(city: str) -> str | None:
    """`Osaka, Sapporo, Tokyo` names three, and all of them have one zone."""
    whole = city.strip().lower()
    named = [CITIES[part] for part in map(str.strip, whole.split(",")) if part in CITIES]
    return CITIES.get(whole) or next(iter(named), None)


def _fixed(written: str) -> str | None:
    """`Etc/GMT-3` is three hours ahead of Greenwich: these names count the other way round."""
    found = _OFFSET.match(written.strip())
    if not found or int(found["minutes"] or 0):
        return None
    hours = int(found["hours"])
    if hours == 0:
        return "UTC"
    name = f"Etc/GMT{'-' if found['sign'] == '+' else '+'}{hours}"
    return name if name in _IANA.values() else None

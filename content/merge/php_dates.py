"""Dates by PHP's letters (https://www.php.net/manual/en/datetime.format.php), which Octeth's authors write."""

from collections.abc import Callable
from datetime import UTC, datetime

MAX_PATTERN_LENGTH = 100
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}

_LETTERS: dict[str, Callable[[datetime], object]] = {
    "d": lambda at: f"{at:%d}",
    "D": lambda at: f"{at:%a}",
    "j": lambda at: at.day,
    "l": lambda at: f"{at:%A}",
    "N": lambda at: at.isoweekday(),
    "S": lambda at: "th" if 11 <= at.day <= 13 else _ENDINGS.get(at.day % 10, "th"),
    "w": lambda at: at.isoweekday() % 7,
    "z": lambda at: at.timetuple().tm_yday - 1,
    "W": lambda at: f"{at.isocalendar().week:02}",
    "F": lambda at: f"{at:%B}",
    "m": lambda at: f"{at:%m}",
    "M": lambda at: f"{at:%b}",
    "n": lambda at: at.month,
    "t": lambda at: _days_in_month(at),
    "L": lambda at: int(_is_leap(at.year)),
    "o": lambda at: at.isocalendar().year,
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at:%y}",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "g": lambda at: at.hour % 12 or 12,
    "G": lambda at: at.hour,
    "h": lambda at: f"{at.hour % 12 or 12:02}",
    "H": lambda at: f"{at:%H}",
    "i": lambda at: f"{at:%M}",
    "s": lambda at: f"{at:%S}",
    "e": lambda at: at.tzname() or "UTC",
    "T": lambda at: at.tzname() or "UTC",
    "O": lambda at: f"{at:%z}" or "+0000",
    "P": lambda at: f"{at.replace(tzinfo=at.tzinfo or UTC).isoformat('T', 'seconds')[19:]}",
    "U": lambda at: int(at.replace(tzinfo=at.tzinfo or UTC).timestamp()),
    "c": lambda at: at.isoformat("T", "seconds"),
}


def php_date(text: str, pattern: str) -> str:
    """An ISO date or time in this form; what is no date stays as it is."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    written, letters = [], iter(pattern[:MAX_PATTERN_LENGTH])
    for letter in letters:
        if letter == "\\":
            written.append(next(letters, ""))
        else:
            written.append(str(_LETTERS[letter](moment)) if letter in _LETTERS else letter)
    return "".join(written)


def _days_in_month(at: datetime) -> int:
    return 29 if at.month == 2 and _is_leap(at.year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[at.month - 1]


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

"""Email addresses, domains and phone numbers in the one form they are stored and compared in.

An address that passes here can be put on an SMTP command or in a header as it is: it holds no control character, no
space and nothing outside ASCII.
"""

import re
import unicodedata

import email_validator
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from audience.errors import InvalidAddress

LONGEST_EMAIL = 254
LONGEST_LOCAL_PART = 64
LONGEST_PHONE = 16  # E.164: fifteen digits behind the plus
# Letters people cannot see and did not mean, left behind by copying from a page or a spreadsheet.
INVISIBLE = " \t\u00a0\u200b\ufeff"
# Names that no mail server of the world serves. `.local` and `.test` are not here: networks of one's own use them.
NOWHERE = frozenset(email_validator.SPECIAL_USE_DOMAIN_NAMES) - {"local", "test"}
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = sorted(NOWHERE)

# What nearly every address looks like; whatever does not match is looked at by the slow and exact library.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_USUAL = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+([a-z]{{2,63}}))")
_PHONE_CHARACTERS = re.compile("\\+?[0-9()\\[\\]./ \u2010-\u2015-]+")


def normalise_email(text: str) -> str:
    """The address in lower case with its domain in ASCII (IDNA 2008). Raises InvalidAddress.

    Lower case throughout: RFC 5321 lets a server tell `Bob` from `bob`, but none does, and people type both.
    """
    stripped = text.strip(INVISIBLE)
    lowered = stripped.lower() if stripped.isascii() else stripped
    if (usual := _USUAL.fullmatch(lowered)) and _is_certain(usual):
        return lowered
    return _normalised_by_library(stripped)


def _is_certain(usual: re.Match[str]) -> bool:
    local_part, domain, top_level = usual.groups()
    return (
        len(local_part) <= LONGEST_LOCAL_PART
        and usual.end() <= LONGEST_EMAIL
        and "--" not in domain
        and top_level not in NOWHERE
    )


def _normalised_by_library(text: str) -> str:
    if not text:
        raise InvalidAddress("There is no email address here.")
    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidAddress(f"{shown(text)} is not an email address: {error}") from error
    return str(valid.ascii_email).lower()


def normalise_domain(text: str) -> str:
    """The domain in lower-case ASCII; `@example.com` and `*.example.com` mean `example.com`. Raises InvalidAddress."""
    stripped = text.strip(INVISIBLE).removeprefix("*.").removeprefix("*@").removeprefix("@")
    try:
        return domain_of(normalise_email(f"postmaster@{stripped}"))
    except InvalidAddress as error:
        raise InvalidAddress(f"{shown(text)} is not a domain such as example.com.") from error


def domain_of(email: str) -> str:
    """What stands behind the @ of a normalised address."""
    return email.rpartition("@")[2]


# Suppressing example.com also covers mail.example.com, and names under it up to this many labels further down.
DOMAINS_ABOVE = 3


def covering_domains(domain: str) -> tuple[str, ...]:
    """The domain and those above it whose suppression covers it."""
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(min(DOMAINS_ABOVE + 1, len(labels))))


def domain_above(domain: str | None) -> str | None:
    """`example.com` of `mail.example.com`; a domain without a dot is its own. For SQLite, where the selection asks."""
    return domain and domain[domain.find(".") + 1 :]


def normalise_phone(text: str, country_code: str = "") -> str:
    """The number in E.164, such as +4520123456. Raises InvalidAddress.

    `country_code` (such as +45) completes numbers written without one; without it a number has to begin with +.
    Only the length is checked against the country's plan, not the range: new ranges open faster than the plan in
    the library is updated, and an operator refuses a wrong number anyway.
    """
    written = unicodedata.normalize("NFKC", text.strip(INVISIBLE))
    if not _PHONE_CHARACTERS.fullmatch(written):
        raise InvalidAddress(f"{shown(text)} is not a phone number." if written else "There is no phone number here.")
    try:
        number = phonenumbers.parse(written, _region(country_code))
    except phonenumbers.NumberParseException as error:
        raise InvalidAddress(_why_no_phone(text, error)) from error
    stored = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    if not possible or len(stored) > LONGEST_PHONE:
        raise InvalidAddress(f"{shown(text)} has too few or too many digits for a phone number of its country.")
    return stored


def _why_no_phone(text: str, error: phonenumbers.NumberParseException) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
        return f"{shown(text)} does not begin with a country's code, such as +45."
    return f"{shown(text)} is not a phone number."


def _region(country_code: str) -> str | None:
    digits = country_code.strip().lstrip("+")
    region = phonenumbers.region_code_for_country_code(int(digits)) if digits.isdecimal() else "ZZ"
    return None if region == "ZZ" else str(region)


def shown(text: str, length: int = 80) -> str:
    """What somebody typed, safe to be repeated in a message: one line, nothing invisible, not endless."""
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in text.strip(INVISIBLE))
    return f"“{printable[:length]}…”" if len(printable) > length else f"“{printable}”"

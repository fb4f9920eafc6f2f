"""Addresses in the one form they are stored in."""

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audience import addresses
from audience.addresses import normalise_domain, normalise_email, normalise_phone
from audience.errors import InvalidAddress


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("bob@example.com", "bob@example.com"),
        ("  Bob@Example.COM \u200b", "bob@example.com"),
        ("o'hara+news@mail.example.co.uk", "o'hara+news@mail.example.co.uk"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@mail.corporation.local", "ann@mail.corporation.local"),
    ],
)
def test_an_email_address_is_stored_in_lower_case_ascii(written, stored):
    assert normalise_email(written) == stored


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "bob",
        "bob@",
        "@example.com",
        "bob@example",
        "bob@localhost",
        "bob@shop.invalid",
        "bob@example..com",
        ".bob@example.com",
        "bob.@example.com",
        "bob@-example.com",
        "bob@ab--cd.com",
        "bob@example.com, ann@example.com",
        "Bob <bob@example.com>",
        '"bob ross"@example.com',
        "bob@[192.0.2.1]",
        "bób@example.com",
        "b" * 65 + "@example.com",
        "b" * 64 + "@" + "example." * 24 + "com",
        "bob@example.com\nBcc: everybody@example.com",
        "bob@example.com\r\nRCPT TO:<everybody@example.com>",
        "bob\x00@example.com",
        "bob@example.com\x00",
        "bob@exam\u200bple.com",
    ],
)
def test_what_is_no_email_address_is_refused(written):
    with pytest.raises(InvalidAddress):
        normalise_email(written)


def test_a_refusal_repeats_what_was_typed_on_one_line():
    with pytest.raises(InvalidAddress) as refusal:
        normalise_email("bob@example.com\r\nBcc: everybody@example.com")

    assert "\n" not in str(refusal.value)
    assert "bob@example.com" in str(refusal.value)


ALMOST_ADDRESSES = st.builds(
    "{}@{}".format,
    st.text("abzAZ09.+-_'\"@ é\n", max_size=70),
    st.lists(st.text("abZ09-_é", max_size=65), min_size=1, max_size=4).map(".".join),
) | st.from_regex(addresses._USUAL, fullmatch=True)


@given(ALMOST_ADDRESSES)
def test_the_fast_way_agrees_with_the_library(written):
    def by_library():
        try:
            stripped = written.strip(addresses.INVISIBLE)
            return email_validator.validate_email(
                stripped, check_deliverability=False, allow_smtputf8=False, strict=True
            ).ascii_email.lower()
        except email_validator.EmailNotValidError:
            return None

    def ours():
        try:
            return normalise_email(written)
        except InvalidAddress:
            return None

    assert ours() == by_library()


@given(ALMOST_ADDRESSES | st.text(max_size=40))
def test_normalising_twice_changes_nothing_and_what_passes_is_safe_in_a_header(written):
    try:
        stored = normalise_email(written)
    except InvalidAddress:
        return

    assert normalise_email(stored) == stored
    assert stored.isascii()
    assert stored.isprintable()
    assert " " not in stored
    assert stored.count("@") == 1


@pytest.mark.parametrize(
    ("written", "country_code", "stored"),
    [
        ("+45 20 12 34 56", "", "+4520123456"),
        ("+45 20 12 34 56", "+49", "+4520123456"),
        ("20 12 34 56", "+45", "+4520123456"),
        ("20123456", "45", "+4520123456"),
        ("0045 20123456", "+49", "+4520123456"),
        ("(030) 123-456", "+49", "+4930123456"),
        ("+44 (0)20 7946 0018", "", "+442079460018"),
        ("+45\u00a020\u2011123456", "", "+4520123456"),
    ],
)
def test_a_phone_number_is_stored_in_e164(written, country_code, stored):
    assert normalise_phone(written, country_code) == stored


@pytest.mark.parametrize(
    ("written", "country_code"),
    [
        ("", ""),
        ("20 12 34 56", ""),
        ("20 12 34 56", "+999"),
        ("+4512", ""),
        ("12345", "+44"),
        ("call +4520123456", ""),
        ("1-800-FLOWERS", "+1"),
        ("+45 20123456 ext 5", ""),
        ("+4520123456\n+4520123457", ""),
        ("+4520123456\x00", ""),
        ("+" + "1" * 40, ""),
    ],
)
def test_what_is_no_phone_number_is_refused(written, country_code):
    with pytest.raises(InvalidAddress):
        normalise_phone(written, country_code)


@given(st.text("+0123456789()-/. ", max_size=20), st.sampled_from(["", "+45", "+49", "+1", "+44"]))
def test_a_stored_phone_number_needs_no_country_and_fits_the_column(written, country_code):
    try:
        stored = normalise_phone(written, country_code)
    except InvalidAddress:
        return

    assert stored.startswith("+")
    assert stored[1:].isdecimal()
    assert len(stored) <= 16


@pytest.mark.parametrize("written", ["Example.COM", "@example.com", "*.example.com", "*@example.com", " example.com"])
def test_a_domain_may_be_written_in_the_usual_ways(written):
    assert normalise_domain(written) == "example.com"


def test_a_domain_is_stored_in_ascii():
    assert normalise_domain("bücher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize("written", ["", "example", "bob@example.com", "exa mple.com", "example.com\nx"])
def test_what_is_no_domain_is_refused(written):
    with pytest.raises(InvalidAddress):
        normalise_domain(written)

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content import tokens
from content.tokens import BadToken, LinkToken, Purpose, RecipientToken

numbers = st.integers(min_value=0, max_value=2**63 - 1)
purposes = st.sampled_from(list(Purpose))
urls = st.text(min_size=1, max_size=300).map(lambda tail: f"https://example.com/{tail}")


@pytest.fixture(autouse=True)
def keys(settings):
    settings.TRACKING_KEYS = ["first key", "second key"]
    return settings.TRACKING_KEYS


def spelled(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(token):
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@given(purpose=purposes, run_id=numbers, recipient_id=numbers, subscriber_id=numbers)
def test_a_recipient_token_says_what_was_put_into_it(purpose, run_id, recipient_id, subscriber_id):
    token = tokens.recipient_token(purpose, run_id=run_id, recipient_id=recipient_id, subscriber_id=subscriber_id)

    assert tokens.read_recipient_token(purpose, token) == RecipientToken(run_id, recipient_id, subscriber_id)


@given(run_id=numbers, position=numbers, url=urls)
def test_a_link_token_says_what_was_put_into_it(run_id, position, url):
    token = tokens.link_token(run_id=run_id, position=position, url=url)

    assert tokens.read_link_token(token) == LinkToken(run_id, position, url)


@given(purpose=purposes, numbers=st.tuples(numbers, numbers, numbers), data=st.data())
def test_any_flipped_bit_of_a_recipient_token_is_refused(purpose, numbers, data):
    run_id, recipient_id, subscriber_id = numbers
    token = tokens.recipient_token(purpose, run_id=run_id, recipient_id=recipient_id, subscriber_id=subscriber_id)
    raw = bytearray(raw_of(token))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(BadToken):
        tokens.read_recipient_token(purpose, spelled(bytes(raw)))


@given(url=urls, data=st.data())
def test_any_flipped_bit_of_a_link_token_is_refused(url, data):
    raw = bytearray(raw_of(tokens.link_token(run_id=7, position=1, url=url)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)

    with pytest.raises(BadToken):
        tokens.read_link_token(spelled(bytes(raw)))


@given(data=st.data())
def test_any_other_spelling_of_a_token_is_refused(data):
    token = tokens.recipient_token(Purpose.OPEN, run_id=1, recipient_id=2, subscriber_id=3)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))

    with pytest.raises(BadToken):
        tokens.read_recipient_token(Purpose.OPEN, token[:place] + other + token[place + 1 :])


@given(junk=st.text(max_size=200))
def test_junk_is_refused(junk):
    with pytest.raises(BadToken):
        tokens.read_recipient_token(Purpose.OPEN, junk)
    with pytest.raises(BadToken):
        tokens.read_link_token(junk)


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t[:-4], lambda t: t + "A", lambda t: t + "=", lambda t: ""]
)
def test_a_cut_or_lengthened_token_is_refused(change):
    token = tokens.recipient_token(Purpose.CLICK, run_id=1, recipient_id=2, subscriber_id=3)

    with pytest.raises(BadToken):
        tokens.read_recipient_token(Purpose.CLICK, change(token))


@pytest.mark.parametrize("made_for", list(Purpose))
@pytest.mark.parametrize("used_for", list(Purpose))
def test_a_token_is_good_for_its_own_purpose_only(made_for, used_for):
    token = tokens.recipient_token(made_for, run_id=1, recipient_id=2, subscriber_id=3)

    if made_for == used_for:
        assert tokens.read_recipient_token(used_for, token).recipient_id == 2
    else:
        with pytest.raises(BadToken):
            tokens.read_recipient_token(used_for, token)


def test_a_recipient_token_is_no_link_token_and_the_other_way_round():
    with pytest.raises(BadToken):
        tokens.read_link_token(tokens.recipient_token(Purpose.CLICK, run_id=1, recipient_id=2, subscriber_id=3))
    with pytest.raises(BadToken):
        tokens.read_recipient_token(Purpose.CLICK, tokens.link_token(run_id=1, position=2, url="\x03"))


def test_old_mails_keep_working_after_a_new_key_was_put_in_front(settings):
    settings.TRACKING_KEYS = ["old key"]
    token = tokens.recipient_token(Purpose.UNSUBSCRIBE, run_id=1, recipient_id=2, subscriber_id=3)

    settings.TRACKING_KEYS = ["new key", "old key"]

    assert tokens.read_recipient_token(Purpose.UNSUBSCRIBE, token).subscriber_id == 3


def test_the_first_key_signs(settings):
    token = tokens.recipient_token(Purpose.OPEN, run_id=1, recipient_id=2, subscriber_id=3)

    settings.TRACKING_KEYS = ["second key"]

    with pytest.raises(BadToken):
        tokens.read_recipient_token(Purpose.OPEN, token)


def test_two_keys_that_share_an_identity_byte_both_verify(settings):
    by_identity = {}
    for number in range(1000):
        identity = tokens._key_ring((f"key {number}",))[0].identity
        if identity in by_identity:
            twins = [by_identity[identity], f"key {number}"]
            break
        by_identity[identity] = f"key {number}"
    settings.TRACKING_KEYS = twins[:1]
    token = tokens.recipient_token(Purpose.OPEN, run_id=1, recipient_id=2, subscriber_id=3)

    settings.TRACKING_KEYS = twins[::-1]

    assert tokens.read_recipient_token(Purpose.OPEN, token).recipient_id == 2


def test_a_click_needs_both_halves_from_the_same_run():
    who = tokens.recipient_token(Purpose.CLICK, run_id=1, recipient_id=2, subscriber_id=3)
    own = tokens.link_token(run_id=1, position=4, url="https://example.com/a")
    foreign = tokens.link_token(run_id=9, position=4, url="https://example.com/a")

    assert tokens.read_click(who, own) == (RecipientToken(1, 2, 3), LinkToken(1, 4, "https://example.com/a"))
    with pytest.raises(BadToken):
        tokens.read_click(who, foreign)


def test_a_recipient_token_is_short_and_safe_in_a_path():
    token = tokens.recipient_token(Purpose.CLICK, run_id=50_000, recipient_id=100_000_000, subscriber_id=100_000_000)

    assert len(token) <= 32
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("number", [-1, 2**63])
def test_a_number_that_no_row_can_have_is_refused(number):
    with pytest.raises(ValueError, match="cannot stand in a token"):
        tokens.recipient_token(Purpose.OPEN, run_id=number, recipient_id=1, subscriber_id=1)


def test_a_url_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="4096"):
        tokens.link_token(run_id=1, position=1, url="https://example.com/" + "a" * 4096)

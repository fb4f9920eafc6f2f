from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.retries import LONGEST_WAIT, Accepted, Deferred, Policy, Rejected, backoff, judge

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
POLICY = Policy(max_attempts=5, base_seconds=60)

jitters = st.floats(min_value=0, max_value=1, exclude_max=True)


def judged(code, *, attempts=0, jitter=0.0):
    return judge(code, "text", attempts=attempts, at=AT, jitter=jitter, policy=POLICY)


@given(code=st.integers(200, 299), attempts=st.integers(0, 10))
def test_a_positive_reply_is_accepted_whenever_it_comes(code, attempts):
    assert judged(code, attempts=attempts) == Accepted(code, "text")


@given(code=st.integers(500, 599), attempts=st.integers(0, 10))
def test_a_permanent_refusal_is_never_tried_again(code, attempts):
    assert judged(code, attempts=attempts) == Rejected(code, "text")


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 60), (1, 120), (2, 240), (3, 480)])
def test_a_deferral_waits_twice_as_long_each_time(attempts, seconds):
    assert judged(450, attempts=attempts) == Deferred(AT + timedelta(seconds=seconds), 450, "text")


@given(code=st.integers(400, 499), attempts=st.integers(4, 50))
def test_the_last_attempt_that_is_deferred_fails_with_the_reply(code, attempts):
    assert judged(code, attempts=attempts) == Rejected(code, "text")


@given(code=st.integers(0, 599).filter(lambda code: not 200 <= code < 300 and not 400 <= code < 500))
def test_what_is_no_final_reply_to_a_message_is_a_refusal(code):
    assert judged(code) == Rejected(code, "text")


@given(failures=st.integers(0, 10_000), jitter=jitters)
def test_no_wait_is_longer_than_the_longest_and_a_quarter(failures, jitter):
    wait = backoff(failures, jitter=jitter, base_seconds=60)

    assert timedelta(seconds=60) <= wait <= LONGEST_WAIT * 1.25


@given(failures=st.integers(0, 12), jitter=jitters)
def test_waits_never_get_shorter(failures, jitter):
    one, next_one = (backoff(count, jitter=jitter, base_seconds=60) for count in (failures, failures + 1))

    assert one <= next_one

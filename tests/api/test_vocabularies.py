"""Every campaign reads as exactly one status in each API, and every filter selects exactly what reads so."""

from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from api.greenarrow import vocabulary as greenarrow
from api.management import vocabulary as management
from api.octeth import vocabulary as octeth
from campaigns.models import Campaign, ScheduleType, State

COMBINATIONS = list(product(State, [False, True]))
GREENARROW_STATES = ["idle", "scheduled", "sending", "finished", "failed", "cancelled"]
MANAGEMENT_STATUSES = ["draft", "scheduled", "calculating", "sending", "sent", "failed", "cancelled"]

# The columns of the specification's table: state -> (Octeth, GreenArrow, REST), not paused.
TABLE = {
    State.DRAFT: ("Draft", "idle", "draft"),
    State.PENDING_APPROVAL: ("Pending Approval", "idle", "draft"),
    State.SCHEDULED: ("Ready", "scheduled", "scheduled"),
    State.CALCULATING: ("Sending", "sending", "calculating"),
    State.SENDING: ("Sending", "sending", "sending"),
    State.HOLDING: ("Paused", "sending", "sending"),
    State.SENT: ("Sent", "finished", "sent"),
    State.FAILED: ("Failed", "failed", "failed"),
    State.CANCELLED: ("Draft", "cancelled", "cancelled"),
}
SUSPENDED = {State.SCHEDULED, State.CALCULATING, State.SENDING, State.HOLDING}


def read(campaign):
    return octeth.status(campaign), greenarrow.state(campaign), management.status(campaign)


@pytest.mark.parametrize("state", list(State))
def test_a_campaign_reads_as_the_specification_says(state):
    assert read(Campaign(state=state)) == TABLE[state]


@pytest.mark.parametrize("state", list(State))
def test_pausing_shows_as_a_status_only_to_octeth(state):
    campaign = Campaign(state=state, paused=True)

    expected = ("Paused", *TABLE[state][1:]) if state in SUSPENDED else TABLE[state]
    assert read(campaign) == expected


@pytest.mark.parametrize(("state", "paused"), COMBINATIONS)
def test_every_combination_is_one_known_word_in_each_api(state, paused):
    ours, theirs, rest = read(Campaign(state=state, paused=paused))

    assert ours in octeth.STATUSES
    assert theirs in GREENARROW_STATES
    assert rest in MANAGEMENT_STATUSES


def test_a_draft_its_author_calls_ready_is_ready_to_octeth_alone():
    assert read(Campaign(state=State.DRAFT, ready=True)) == ("Ready", "idle", "draft")


def test_a_campaign_cancelled_after_mail_left_never_reads_as_a_draft():
    campaign = Campaign(state=State.CANCELLED, started_at=now())

    assert read(campaign) == ("Sent", "cancelled", "cancelled")
    assert octeth.status_reason(campaign) == "Cancelled by user"


def test_octeth_is_told_why_a_campaign_stands_still():
    assert octeth.status_reason(Campaign(state=State.HOLDING)) == "Split test running"
    assert octeth.status_reason(Campaign(state=State.SENDING, paused=True, pause_reason="user")) == "Paused by user"
    assert octeth.status_reason(Campaign(state=State.SENDING, paused=True, pause_reason="No credits")) == "No credits"
    assert octeth.status_reason(Campaign(state=State.FAILED, status_reason="The relay is gone")) == "The relay is gone"


def test_the_rest_api_says_what_a_campaign_waits_for_and_why_it_came_back():
    assert management.error_message(Campaign(state=State.PENDING_APPROVAL)) == "Awaiting approval."
    assert management.error_message(Campaign(state=State.DRAFT, status_reason="Wrong logo")) == "Wrong logo"
    assert management.error_message(Campaign(state=State.SENT, status_reason="The audience is empty.")) == ""


@pytest.fixture
def every_kind(organization):
    """A row of every combination of columns that the database accepts."""
    flags = [False, True]
    for state, paused, ready, started, schedule_type in product(State, flags, flags, flags, ScheduleType):
        moment = now()
        finished = started and state in (State.SENT, State.FAILED, State.CANCELLED)
        row = Campaign(
            organization=organization,
            name=f"{state} {paused} {ready} {started} {schedule_type}",
            state=state,
            paused=paused,
            ready=ready,
            schedule_type=schedule_type,
            scheduled_at=moment,
            started_at=moment if started else None,
            finished_at=moment if finished else None,
        )
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            continue  # a combination the constraints rule out
    rows = list(Campaign.objects.all())
    assert {row.state for row in rows} == set(State)
    return rows


def names(rows):
    return sorted(row.name for row in rows)


def test_rest_filters_select_exactly_what_reads_so(every_kind):
    for word in MANAGEMENT_STATUSES:
        selected = Campaign.objects.filter(management.status_filter(word))
        assert names(selected) == names(row for row in every_kind if management.status(row) == word), word


def test_greenarrow_filters_select_exactly_what_reads_so(every_kind):
    for word in GREENARROW_STATES:
        selected = Campaign.objects.filter(greenarrow.state_filter(word))
        assert names(selected) == names(row for row in every_kind if greenarrow.state(row) == word), word


def test_octeth_filters_select_exactly_what_reads_so(every_kind):
    for word in octeth.STATUSES:
        selected = Campaign.objects.filter(octeth.status_filter(word))
        assert names(selected) == names(row for row in every_kind if octeth.status(row) == word), word


def test_octeths_scheduled_is_the_part_of_ready_that_waits_for_the_clock(every_kind):
    selected = Campaign.objects.filter(octeth.status_filter("Scheduled"))

    waiting = (ScheduleType.FUTURE, ScheduleType.RECURSIVE)
    expected = [
        row
        for row in every_kind
        if octeth.status(row) == "Ready" and row.state == State.SCHEDULED and row.schedule_type in waiting
    ]
    assert names(selected) == names(expected)


def test_octeths_other_filter_words(every_kind):
    pending = [row for row in every_kind if octeth.status(row) == "Pending Approval"]

    assert names(Campaign.objects.filter(octeth.status_filter("Pending"))) == names(pending)
    assert names(Campaign.objects.filter(octeth.status_filter("aLL"))) == names(every_kind)
    assert names(Campaign.objects.filter(octeth.status_filter("pending APPROVAL"))) == names(pending)


@pytest.mark.parametrize(
    "condition", [management.status_filter("bogus"), greenarrow.state_filter("bogus"), octeth.status_filter("Bogus")]
)
def test_an_unknown_word_selects_nothing(every_kind, condition):
    assert not Campaign.objects.filter(condition).exists()

"""Whatever programs write through the three APIs in turn: a campaign stays where the lifecycle allows it, and each API
reads it in the one word the specification has for that."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.greenarrow import vocabulary as greenarrow
from api.management import vocabulary as management
from api.octeth import vocabulary as octeth
from campaigns.models import RUNNING, TERMINAL, Campaign, CampaignEvent, State
from campaigns.transitions import TRANSITIONS
from tests.api.greenarrow.conftest import program
from tests.api.management.conftest import ROOT, client_of
from tests.api.octeth.conftest import Wire, key_of
from tests.api.test_vocabularies import SUSPENDED, TABLE
from tests.examples import examples
from tests.factories import PATHS, campaign_in

WORDS = ("Draft", "Ready", "Sending", "Paused", "Pending Approval", "Sent", "Failed")
STATES = ("idle", "scheduled", "sending", "finished", "failed", "cancelled")
octeth_writes = st.one_of(
    st.sampled_from(["Campaign.Pause", "Campaign.Resume", "Campaign.Cancel"]).map(lambda act: ("octeth", act, {})),
    st.sampled_from(WORDS).map(lambda word: ("octeth", "Campaign.Update", {"CampaignStatus": word})),
)
greenarrow_writes = st.one_of(
    st.sampled_from(["pause", "resume"]).map(lambda act: ("greenarrow", act, {})),
    st.tuples(st.sampled_from(STATES), st.sampled_from([None, "", "now", "2031-05-05 9:00AM CST"])).map(
        lambda said: ("greenarrow", "", {"state": said[0], **({} if said[1] is None else {"begins_at": said[1]})})
    ),
    st.booleans().map(lambda paused: ("greenarrow", "", {"paused": paused})),
)
rest_writes = st.sampled_from(["send", "pause", "resume", "cancel", "unschedule", "reopen", "withdraw"]).map(
    lambda act: ("management", act, {})
)
writes = st.lists(st.one_of(octeth_writes, greenarrow_writes, rest_writes), min_size=1, max_size=6)


@pytest.fixture
def write(bob, organization):
    rest, wire, studio = client_of(bob, organization), Wire(key_of(bob)), program(bob, organization)

    def written(campaign, surface, act, values):
        if surface == "octeth":
            return wire(act, CampaignID=campaign.pk, **values)
        if surface == "management":
            return rest.post(f"{ROOT}campaigns/{campaign.public_id}/{act}/")
        path = f"campaigns/{campaign.pk}"
        if act:
            return studio.post(f"{path}/{act}")
        return studio.put(path, {"campaign": {"dispatch_attributes": values}})

    return written


@settings(max_examples=examples(36), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.sampled_from(sorted(PATHS.keys() - {"sent"})), walk=writes)
@pytest.mark.django_db
def test_a_campaign_never_leaves_its_lifecycle(organization, write, start, walk):
    campaign = campaign_in(start, organization, people=1)
    for surface, act, values in walk:
        write(campaign, surface, act, values)
        campaign = Campaign.objects.get(pk=campaign.pk)
        assert_reads_as_specified(campaign)
        assert_times_fit(campaign)
    assert_history_is_legal(campaign)


def assert_reads_as_specified(campaign):
    suspended = campaign.paused and campaign.state in SUSPENDED
    expected = TABLE[State(campaign.state)]
    words = (octeth.status(campaign), greenarrow.state(campaign), management.status(campaign))
    if campaign.state == State.DRAFT and campaign.ready:
        expected = ("Ready", *expected[1:])
    if campaign.state == State.CANCELLED and campaign.started_at:
        expected = ("Sent", *expected[1:])
    assert words == ("Paused" if suspended else expected[0], *expected[1:])


def assert_times_fit(campaign):
    was_calculating = campaign.events.filter(to_state=State.CALCULATING).exists()
    assert bool(campaign.started_at) == was_calculating
    assert bool(campaign.finished_at) == (was_calculating and campaign.state in TERMINAL)
    assert campaign.state not in RUNNING or campaign.started_at


def assert_history_is_legal(campaign):
    for event in CampaignEvent.objects.filter(campaign=campaign).exclude(from_state=""):
        assert event.to_state in TRANSITIONS[event.verb].moves[State(event.from_state)], event.verb

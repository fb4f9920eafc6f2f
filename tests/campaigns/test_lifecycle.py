import pytest

from campaigns import lifecycle
from campaigns.errors import InvalidTransition
from tests.factories import campaign_in


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state",
    ["draft", "pending_approval", "scheduled", "calculating", "sending", "holding", "sent", "failed", "cancelled"],
)
def test_a_campaign_can_be_walked_to_every_state(state):
    campaign = campaign_in(state)

    assert campaign.state == state


@pytest.mark.django_db
def test_a_draft_cannot_finish():
    campaign = campaign_in("draft")

    with pytest.raises(InvalidTransition):
        lifecycle.finish(campaign)

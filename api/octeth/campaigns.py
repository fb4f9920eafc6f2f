"""Finding the campaign a command is about, and saying what refuses an act on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import QuerySet

from api.octeth.errors import Refused
from api.octeth.registry import Call
from campaigns.errors import InvalidTransition, Locked, NotReady
from campaigns.models import Campaign

MISSING, UNKNOWN, WRONG_STATE = 1, 2, 3


def campaigns(call: Call) -> QuerySet[Campaign]:
    """The caller's campaigns that nobody has deleted."""
    return call.who.own(Campaign.objects.kept().select_related("organization"))


def campaign(call: Call, *, lock: bool = False, text: str = "Missing required parameter (CampaignID)") -> Campaign:
    """The one that `CampaignID` names. Raises Refused: 1 where none is named, 2 where there is no such campaign."""
    if not call.parameters.word("CampaignID"):
        raise Refused(MISSING, text=text)
    found = _locked(call) if lock else campaigns(call).filter(pk=call.parameters.whole("CampaignID")).first()
    if found is None:
        raise Refused(UNKNOWN, text="Campaign not found or doesn't belong to user")
    return found


def _locked(call: Call) -> Campaign | None:
    rows = campaigns(call).select_for_update(of=("self",))
    return rows.filter(pk=call.parameters.whole("CampaignID")).first()


@contextmanager
def in_a_fitting_state(otherwise: int = WRONG_STATE) -> Iterator[None]:
    """Raises Refused with this code for what the state of the campaign, or what it lacks, forbids."""
    try:
        yield
    except (InvalidTransition, Locked, NotReady) as refusal:
        raise Refused(otherwise) from refusal

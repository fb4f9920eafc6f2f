"""What can be wrong with an act on recipients. Each surface maps `code` to its own status or number."""

from campaigns.errors import CampaignError


class NotInDoubt(CampaignError):
    """The recipient is settled: somebody else was quicker, or there never was a doubt."""

    code = "not_in_doubt"


class CannotSend(CampaignError):
    """A message that somebody waits for cannot be sent now; the text says why."""

    code = "cannot_send"

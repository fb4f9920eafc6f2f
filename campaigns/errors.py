"""What can be wrong with an act on a campaign. Each surface maps `code` to its own status or number.

CampaignError
├── InvalidTransition   the campaign is not in a state from which this can be done
├── NotReady            something is missing or wrong; `problems` says what, by field
├── NotAllowed          this person may not do this
└── Locked              what would change is being sent or was sent
"""

from collections.abc import Mapping


class CampaignError(Exception):
    """Root of everything that refuses an act on a campaign; its text is fit to be shown."""

    code = "campaign_error"


class InvalidTransition(CampaignError):
    """Named with the verb and the state, so that the message can say both."""

    code = "invalid_transition"

    def __init__(self, verb: str, state: str, why: str = "") -> None:
        self.verb, self.state = verb, state
        super().__init__(why or f"A campaign cannot {verb.replace('_', ' ')} in state {state}.")


class NotReady(CampaignError):
    """The campaign is incomplete: `problems` maps a field to its messages."""

    code = "not_ready"

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(message for messages in problems.values() for message in messages))


class NotAllowed(CampaignError):
    code = "not_allowed"


class Locked(CampaignError):
    code = "locked"

"""Who may come onto a list, or back onto it, and what it takes. One table, asked by everything that subscribes people.

`Way` is how somebody asks, `Outcome` what is done:

| Their status | confirmed | link | form | stated | bare |
|---|---|---|---|---|---|
| not on the list | subscribe | subscribe | opt-in | opt-in | opt-in |
| unconfirmed | subscribe | subscribe | opt-in | opt-in | opt-in |
| subscribed | stay | stay | stay | stay | stay |
| unsubscribed | subscribe | subscribe | ask | opt-in | refuse |
| bounced | refuse | refuse | refuse | refuse | refuse |
| complained | subscribe | refuse | ask | refuse | refuse |
| erased | subscribe | refuse | ask | refuse | refuse |

*opt-in*: what the list asks of everybody, subscribe (single) or ask (double). *ask*: send a confirmation mail; only who
is on no list or unconfirmed has the status `unconfirmed` meanwhile, everybody else keeps theirs.
"""

from enum import StrEnum

from audience.models import Subscription

Status = Subscription.Status


class Way(StrEnum):
    """How somebody comes to a list."""

    CONFIRMED = (
        "confirmed"  # they followed the link of a confirmation mail that was sent after their subscription ended
    )
    LINK = "link"  # their own act behind a link in a mail they got: undo, preference page
    FORM = "form"  # somebody typed the address into the public page
    STATED = "stated"  # staff or a program, saying what the person was shown or from where they agreed
    BARE = "bare"  # staff or a program, saying nothing


class Outcome(StrEnum):
    SUBSCRIBE = "subscribe"
    ASK = "ask"
    STAY = "stay"
    REFUSE = "refuse"


NOBODY, ERASED = "not on the list", "erased"
_SUB, _ASK, _STAY, _NO = Outcome.SUBSCRIBE, Outcome.ASK, Outcome.STAY, Outcome.REFUSE
OPT_IN = "opt-in"
TABLE: dict[str, tuple[str, ...]] = {
    NOBODY: (_SUB, _SUB, OPT_IN, OPT_IN, OPT_IN),
    Status.UNCONFIRMED: (_SUB, _SUB, OPT_IN, OPT_IN, OPT_IN),
    Status.SUBSCRIBED: (_STAY, _STAY, _STAY, _STAY, _STAY),
    Status.UNSUBSCRIBED: (_SUB, _SUB, _ASK, OPT_IN, _NO),
    Status.BOUNCED: (_NO, _NO, _NO, _NO, _NO),
    Status.COMPLAINED: (_SUB, _NO, _ASK, _NO, _NO),
    ERASED: (_SUB, _NO, _ASK, _NO, _NO),
}
WAYS = tuple(Way)
WHY = {
    Status.UNSUBSCRIBED: (
        "unsubscribed. They come back by their own act on a page, or when you state their consent: what they were "
        "shown, or the address they agreed from."
    ),
    Status.BOUNCED: "bounced. They come back when the address is changed, or when somebody resets the bounce.",
    Status.COMPLAINED: "complained. Only they themselves can come back, by confirming a mail they asked for.",
    ERASED: "was erased and is kept out. Only they themselves can come back, by confirming a mail they asked for.",
}


def outcome(status: str, way: Way, *, confirms: bool) -> Outcome:
    """What is done about somebody of this status (or NOBODY, or ERASED); `confirms`: the list asks for confirmation."""
    answer = TABLE[status][WAYS.index(way)]
    if answer == OPT_IN:
        return Outcome.ASK if confirms else Outcome.SUBSCRIBE
    return Outcome(answer)

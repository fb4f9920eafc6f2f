"""Who made a hit: a person, a privacy proxy, or a scanner or bot; each verdict with the rule that gave it. Pure.

Some rules look at one hit (`of_hit`), some at all hits of one recipient of a run (`of_history`). Hits are kept as they
came, with the version of the rules that judged them; `stats.reclassify` judges them again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from stats.models import Agent, EventKind
from tracking.spool import Hit

VERSION = 1
BURST = timedelta(seconds=2)
BURST_LINKS = 3
# Only these can be made by a program that nobody asked to; the rest is done by people, or reported by servers.
JUDGED = {EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.VIEWED.value}


class Verdict(NamedTuple):
    agent: str
    reason: str = ""


PERSON = Verdict(Agent.HUMAN.value)


def of_hit(hit: Hit, settled_at: datetime | None) -> Verdict:
    """What the hit says by itself; `settled_at` is when the message had been handed over."""
    if hit.kind == EventKind.PROBED:
        return Verdict(Agent.BOT.value, "hidden_link")
    return _of_agent(hit.user_agent) if hit.kind in JUDGED else PERSON


@lru_cache(maxsize=16_384)
def _of_agent(user_agent: str) -> Verdict:
    if user_agent == "Mozilla/5.0":  # all that Apple's Mail Privacy Protection says of itself
        return Verdict(Agent.PROXY.value, "apple_mpp")
    return PERSON


def of_history(hits: Sequence[Hit], settled_at: datetime | None) -> list[Verdict]:
    """A verdict for each of one recipient's hits in a run, in any order."""
    verdicts = [of_hit(hit, settled_at) for hit in hits]
    for place in _in_bursts(hits):
        verdicts[place] = Verdict(Agent.BOT.value, "burst")
    return verdicts


def _in_bursts(hits: Sequence[Hit]) -> set[int]:
    """Places of clicks on several links within a moment: nobody reads that fast."""
    clicks = sorted((hit.at, place) for place, hit in enumerate(hits) if hit.kind == EventKind.CLICKED)
    found: set[int] = set()
    for start, (at, _) in enumerate(clicks):
        near = [place for moment, place in clicks[start:] if moment - at <= BURST]
        if len({hits[place].link_position for place in near}) >= BURST_LINKS:
            found.update(near)
    return found

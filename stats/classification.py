"""Who made a hit: a person, a privacy proxy, or a scanner or bot; each verdict with the rule that gave it. Pure.

Some rules look at one hit (`of_hit`), some at all hits of one recipient of a run (`of_history`). Neither depends on
the order in which hits arrive. Hits are kept as they came, with the version of the rules that judged them; after a
change of the rules count VERSION up and run `manage.py reclassify`, which judges old hits again. docs/classification.md
tells users of every rule.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from stats import networks, user_agents
from stats.models import Agent, EventKind
from tracking.spool import Hit

VERSION = 2
OPENED, CLICKED, VIEWED = EventKind.OPENED.value, EventKind.CLICKED.value, EventKind.VIEWED.value
# Only these can be made by a program that nobody asked to; the rest is done by people, or reported by servers.
JUDGED = {OPENED, CLICKED, VIEWED}
# Followed by hand: what a person needs a hand for, and what comes too soon for one.
BY_HAND = {CLICKED, VIEWED}
# How much earlier than it was written down a message may have been accepted.
WRITTEN_LATE = timedelta(seconds=5)
# Two links closer together than a hand can click them, whatever the settings say of bursts.
AT_ONCE = timedelta(milliseconds=200)
# So near to a burst, or to the hidden link, a program is still at it. Never more than `stats.tally.SUSPICIOUS`.
STILL_AT_IT = timedelta(seconds=10)
HUMAN, PROXY, BOT = Agent.HUMAN.value, Agent.PROXY.value, Agent.BOT.value


class Verdict(NamedTuple):
    agent: str
    reason: str = ""


PERSON = Verdict(HUMAN)
# Every reason there is: who it says made the hit, and what users are told.
REASONS: dict[str, tuple[str, str]] = {
    "": (HUMAN, "Nothing speaks against a person."),
    "gmail_image_proxy": (HUMAN, "Gmail loaded the pictures for somebody who looked at the message."),
    "apple_mpp": (PROXY, "Apple's Mail Privacy Protection loaded the pictures, looked at or not."),
    "icloud_private_relay": (PROXY, "The pictures were loaded through one of Apple's relays."),
    "yahoo_prefetch": (PROXY, "Yahoo's proxy loaded the pictures, looked at or not."),
    "gmail_prefetch": (BOT, "Gmail loaded the pictures before the message was shown."),
    "no_agent": (BOT, "The program did not say what it is."),
    "bare_agent": (BOT, "The user agent ends where that of a browser begins."),
    "security_scanner": (BOT, "A security scanner gave its name."),
    "headless_browser": (BOT, "A browser without a window, driven by a program."),
    "link_preview": (BOT, "A chat program made a preview of the link."),
    "http_library": (BOT, "A program's HTTP library."),
    "office_discovery": (BOT, "An Office program looked at the link before the browser did."),
    "crawler": (BOT, "A crawler gave its name."),
    "own_scanner": (BOT, "It came from one of your SCANNER_NETWORKS."),
    "scanner_network": (BOT, "It came from a network of a vendor of security scanners."),
    "too_soon": (BOT, "The link was followed sooner after the message was accepted than a person can."),
    "burst": (BOT, "Several links were followed within a moment, or at the same address right beside."),
    "hidden_link": (BOT, "The link that people cannot see was followed by the same program, or at that moment."),
}


# --- one hit -----------------------------------------------------------------------------------------------------


def of_hit(hit: Hit, settled_at: datetime | None) -> Verdict:
    """What the hit says by itself; `settled_at` is when it was written down that the message had been accepted.

    A program that says what it is comes first, then where it comes from, then when.
    """
    if hit.kind not in JUDGED:
        return _BOTS["hidden_link"] if hit.kind == EventKind.PROBED else PERSON
    is_open = hit.kind == OPENED
    by_agent = _VERDICTS[user_agents.reason(hit.user_agent, is_open)]
    if by_agent.agent == BOT:
        return by_agent
    by_network = _VERDICTS[of_network(networks.kind_of(hit.ip_address), is_open)]
    if by_network.agent == BOT:
        return by_network
    if settled_at is not None and is_too_soon(hit, settled_at):
        return _BOTS["too_soon"]
    return by_agent if by_agent.reason else by_network


def of_network(kind: str, is_open: bool) -> str:
    """The reason that a network gives. Scanners run in their vendors' networks, from which nobody reads mail.

    Microsoft is the exception: its networks also load pictures for people who read with Outlook on the web, while Safe
    Links sends the browser of whoever clicks straight on (learn.microsoft.com, "Safe Links in Microsoft Defender for
    Office 365"); so only links that are followed from there are a scanner's. Apple's relays load pictures for mail
    programs, and carry the browser of people who follow a link: only their opens are a proxy's. Cloudflare's relays
    also carry its VPN, whose users' opens count as a proxy's for that.
    """
    if kind == networks.OWN:
        return "own_scanner"
    if kind == networks.SCANNER or (kind == networks.CLICKS and not is_open):
        return "scanner_network"
    return "icloud_private_relay" if kind == networks.RELAY and is_open else ""


def is_too_soon(hit: Hit, settled_at: datetime) -> bool:
    """A link followed before, or within TOO_SOON_SECONDS after, it was written down that the message was accepted.

    Scanners follow links while the message waits to be accepted and right after. People first have to be told, open it
    and find the link; 2 seconds are what nobody does it in. Few false clicks are so early (half a percent in
    putyourlightson/craft-campaign #546, with a median of 43 seconds), so that this rule is for the surest of them.
    What lies longer before proves nothing: a message whose worker died is written down when another finds it.
    """
    limit = settings.TOO_SOON_SECONDS
    return limit > 0 and hit.kind in BY_HAND and -WRITTEN_LATE <= hit.at - settled_at < timedelta(seconds=limit)


_VERDICTS = {reason: Verdict(agent, reason) for reason, (agent, _) in REASONS.items()}
_BOTS = {reason: verdict for reason, verdict in _VERDICTS.items() if verdict.agent == BOT}


# --- all hits of one recipient -----------------------------------------------------------------------------------


def of_history(hits: Sequence[Hit], settled_at: datetime | None) -> list[Verdict]:
    """A verdict for each of one recipient's hits in a run, in any order. What a hit says by itself stands, if it says
    that it is a program's."""
    verdicts = [of_hit(hit, settled_at) for hit in hits]
    for reason, places in (("hidden_link", beside_hidden_link(hits)), ("burst", in_bursts(hits))):
        for place in places:
            if verdicts[place].agent != BOT:
                verdicts[place] = _BOTS[reason]
    return verdicts


def beside_hidden_link(hits: Sequence[Hit]) -> set[int]:
    """Places of hits by whoever followed the hidden link: with the same address and user agent at any time, and any
    link followed within 10 seconds of it.

    The address alone is not enough, since the scanner of an office stands behind the same address as its people. The
    moment is enough for links: scanners come from several addresses at once, before anybody can have read.
    """
    probes = [hit for hit in hits if hit.kind == EventKind.PROBED]
    if not probes:
        return set()
    makers = {(probe.ip_address, probe.user_agent) for probe in probes if probe.ip_address}
    moments = sorted(probe.at for probe in probes)
    return {
        place
        for place, hit in enumerate(hits)
        if hit.kind in JUDGED
        and ((hit.ip_address, hit.user_agent) in makers or (hit.kind in BY_HAND and _is_near(hit.at, moments)))
    }


def in_bursts(hits: Sequence[Hit]) -> set[int]:
    """Places of clicks on BURST_LINKS different links within BURST_SECONDS, or on two within a fifth of a second, and
    of whatever comes from the same address within 10 seconds of one of them.

    Scanners follow all links of a mail at once (96 % of the false clicks in putyourlightson/craft-campaign #546 came in
    clusters), often from several addresses. A person who opens one link after the other in new tabs is slower; who
    clicks the same link twice follows one link. BURST_LINKS 0 turns the rule off.
    """
    if settings.BURST_LINKS <= 0:
        return set()
    clicks = sorted((hit.at, place) for place, hit in enumerate(hits) if hit.kind == CLICKED)
    if len(clicks) < 2:
        return set()
    found: set[int] = set()
    for within, links in ((timedelta(seconds=settings.BURST_SECONDS), settings.BURST_LINKS), (AT_ONCE, 2)):
        found.update(_close_together(hits, clicks, within, links))
    return found | _beside(hits, found)


def _close_together(
    hits: Sequence[Hit], clicks: Sequence[tuple[datetime, int]], within: timedelta, links: int
) -> Iterator[int]:
    """Places of clicks among which, within so long, so many links were followed. A window slides over them once:
    whoever follows one mail's links all day must not hold up the hits of everybody else."""
    inside: Counter[int] = Counter()
    start = told = 0
    for end, (at, place) in enumerate(clicks):
        inside[hits[place].link_position] += 1
        while at - clicks[start][0] > within:
            _take_one(inside, hits[clicks[start][1]].link_position)
            start += 1
        if end > start and len(inside) >= links:
            yield from (near for _, near in clicks[max(start, told) : end + 1])
            told = end + 1


def _take_one(inside: Counter[int], position: int) -> None:
    inside[position] -= 1
    if not inside[position]:
        del inside[position]


def _beside(hits: Sequence[Hit], burst: set[int]) -> set[int]:
    """What one of those addresses did within 10 seconds of its clicks."""
    moments: dict[str, list[datetime]] = {}
    for place in burst:
        if address := hits[place].ip_address:
            moments.setdefault(address, []).append(hits[place].at)
    for each in moments.values():
        each.sort()
    return {
        place
        for place, hit in enumerate(hits)
        if hit.kind in JUDGED and _is_near(hit.at, moments.get(hit.ip_address, ()))
    }


def _is_near(at: datetime, moments: Sequence[datetime]) -> bool:
    """Whether one of these moments, which are in order, is less than 10 seconds away."""
    place = bisect_left(moments, at)
    return any(abs(at - near) < STILL_AT_IT for near in moments[max(0, place - 1) : place + 1])

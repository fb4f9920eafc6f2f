"""Why a message came back: hard, soft or other, with a code of ours. Pure: a status and words in, a cause out.

hard   the address does not exist, and never will: no more mail
soft   something may mend: a full mailbox, a server that is away; it counts up to a threshold
other  it was about us or about the message (spam filters, authentication, policy), not about the address

GreenArrow's wire has a number for each bounce (`bounce_code`) and counts by it; which numbers it uses is not published.
These are ours, the hundreds say the type. Sources: RFC 3463 and its registry (enhanced status codes), RFC 5321 section
4.2 (reply codes), RFC 7505 (null MX), and the words of mail servers, which some put where the code says nothing.
"""

import re
from enum import Enum
from typing import Self

HARD, SOFT, OTHER = "hard", "soft", "other"
STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_REPLY = re.compile(r"(?<![\d.:-])[45]\d\d(?=[ -])")


class Cause(Enum):
    """Code and what it means, for people."""

    NO_MAILBOX = "100", "No such mailbox"
    DISABLED = "101", "The mailbox is closed"
    NO_DOMAIN = "102", "The domain does not exist or takes no mail"
    BAD_ADDRESS = "103", "The address cannot be one"
    SOFT = "200", "It failed, and no more is known"
    FULL = "201", "The mailbox is full"
    UNREACHABLE = "202", "The server could not be reached in time"
    BUSY = "203", "The server is busy or asks to slow down"
    SYSTEM = "204", "The server has trouble of its own"
    OTHER = "300", "Refused for a reason that is not known"
    POLICY = "301", "Blocked by a spam filter or a policy"
    AUTHENTICATION = "302", "SPF, DKIM or DMARC did not pass"
    CONTENT = "303", "The content was refused"
    TOO_LARGE = "304", "The message is too large"
    ROUTING = "305", "Mail goes round in a circle, or relaying was denied"

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def meaning(self) -> str:
        return self.value[1]

    @property
    def type(self) -> str:
        return {"1": HARD, "2": SOFT, "3": OTHER}[self.code[0]]

    @classmethod
    def of_code(cls, code: str) -> Self | None:
        return next((each for each in cls if each.code == code), None)


# Words before codes, since codes are often too general (5.0.0, 5.7.1 for everything); the first that is found counts.
# What they say of the sender comes first: "Sender address rejected: Domain not found" is not about the reader.
_WORDS: tuple[tuple[Cause, str], ...] = (
    (
        Cause.AUTHENTICATION,
        r"\b(spf|dkim|dmarc)\b|unauthenticated (e?mail|sender)|sender policy framework|not authorized to send",
    ),
    (
        Cause.POLICY,
        r"sender (e?mail )?(address )?(rejected|denied|refused|verif)|from address rejected|"
        r"(helo|ehlo) command rejected|reverse dns|cannot find your (reverse )?host|"
        r"client host (\S+ )?(rejected|blocked)|"
        r"poor reputation|bad reputation",
    ),
    (
        Cause.FULL,
        r"(mail ?box|mailfolder|inbox|account|user|storage|quota)\b.{0,40}\b(is |was |over ?)?(full|exceed|over ?quota|"
        r"out of (storage|space))|over ?quota|quota (is )?(exceeded|full)|insufficient (system )?storage|"
        r"disk (is )?full",
    ),
    (
        Cause.BUSY,
        r"gr[ea]ylist|too (quickly|fast|many (connections|messages|recipients|emails))|rate.?limit|throttl|slow down|"
        r"try again later|temporarily (deferred|rejected|unavailable)|server busy|too busy",
    ),
    (
        Cause.DISABLED,
        r"(mailbox|account|user|recipient|address)\b.{0,40}\b(disabled|inactive|suspended|deactivated|closed|"
        r"terminated|"
        r"expired|no longer (active|available|in use|valid|on server|works))|not accepting (any )?(mail|messages)",
    ),
    (
        Cause.NO_MAILBOX,
        r"(user|recipient|mailbox|account|address|addressee|alias|local ?part)\b(?! domain).{0,60}\b(unknown|not (be )?"
        r"found|does ?n[o']t exist|doesn.t have|invalid|unavailable|not (listed|known|exist|recognized|local|valid)|"
        r"no longer (exists|here))|(unknown|invalid|no such|bad destination|nonexistent|undeliverable) (local )?"
        r"(user|recipient|mailbox|account|address|alias|virtual|person|subscriber)|"
        r"no (mailbox|account|user|one) (here|by|with)\b|"
        r"recipient address rejected|recipientnotfound|no recipient (found|with)|"
        r"(e-?mail )?account that you tried to reach does not exist|sorry, no mailbox here|"
        r"empf[aä]nger (unbekannt|existiert nicht)|address(es)? (could not be|not) (found|reached)|"
        r"destinataire inconnu",
    ),
    (
        Cause.NO_DOMAIN,
        r"host or domain name not found|domain (name )?(was )?(not found|does not exist|isn.t valid)|host (unknown|not "
        r"found)|unknown (host|domain)|null ?mx|no (such )?domain|name (or )?service error|"
        r"unrouteable (mail )?(address|"
        r"domain)|couldn.t find any host|does not accept mail|all relevant mx records point to non-existent|"
        r"nxdomain|dns error.{0,40}(not exist|nxdomain)",
    ),
    (
        Cause.POLICY,
        r"\bspam|blacklist|block ?list|blocked|spamhaus|spamcop|barracuda|\bd?rbl\b|dnsbl|reputation|policy|"
        r"unsolicited|bulk mail|abus|access denied|not (allowed|permitted|accepted)|administratively (denied|"
        r"prohibited)|"
        r"message (was )?(rejected|refused|blocked)",
    ),
    (Cause.CONTENT, r"virus|malware|phish|content (was )?(rejected|refused)|attachment|suspicious (url|link)"),
    (Cause.TOO_LARGE, r"too (large|big|long)|size (limit|exceed)|exceed\w* .{0,40}size|maximum message size"),
    (Cause.ROUTING, r"\bloop|too many (hops|received)|hop count|relay\w* (access )?(denied|not permitted)"),
    (
        Cause.UNREACHABLE,
        r"timed? ?out|time-?out|connection (was )?(refused|dropped|lost|reset)|no route to host|"
        r"network (is )?unreachable|"
        r"delivery time expired|retry (time|timeout)|message (has )?expired|too old|could not (be )?(deliver|"
        r"connect)\w* (within|to|for)|"
        r"not (yet )?been delivered (after|within)|have been .{0,20}undelivered",
    ),
)
WORDS = tuple((cause, re.compile(pattern, re.IGNORECASE)) for cause, pattern in _WORDS)

# By subject and detail of the enhanced status code; of what is permanent (5) unless it stands in _TRANSIENT.
_BY_STATUS = {
    "1.1": Cause.NO_MAILBOX,
    "1.2": Cause.NO_DOMAIN,
    "1.3": Cause.BAD_ADDRESS,
    "1.6": Cause.DISABLED,
    "1.7": Cause.POLICY,
    "1.8": Cause.POLICY,
    "1.10": Cause.NO_DOMAIN,
    "2.0": Cause.SOFT,
    "2.1": Cause.DISABLED,
    "2.2": Cause.FULL,
    "2.3": Cause.TOO_LARGE,
    "2.4": Cause.ROUTING,
    "3.4": Cause.TOO_LARGE,
    "4.4": Cause.NO_DOMAIN,
    "4.6": Cause.ROUTING,
    "7.20": Cause.AUTHENTICATION,
    "7.23": Cause.AUTHENTICATION,
    "7.25": Cause.POLICY,
    "7.26": Cause.AUTHENTICATION,
    "7.27": Cause.NO_DOMAIN,
}
_BY_SUBJECT = {
    "0": Cause.SOFT,
    "1": Cause.SOFT,
    "2": Cause.SOFT,
    "3": Cause.SYSTEM,
    "4": Cause.UNREACHABLE,
    "5": Cause.OTHER,
    "6": Cause.CONTENT,
    "7": Cause.POLICY,
}
# The codes that say enough, whatever words come with them.
_CERTAIN = {"1.1", "1.10", "2.2"}
_BY_REPLY = {"421": Cause.BUSY, "450": Cause.BUSY, "451": Cause.SYSTEM, "452": Cause.FULL, "552": Cause.FULL}


def cause_of(status: str, words: str) -> Cause:
    """`status`: an enhanced status code, or "". `words`: a diagnostic or a server's reply.

    What is only deferred (a status or reply that begins with 4, given up at last) is never hard.
    """
    found = _cause(status, words)
    reply = _REPLY.search(words)
    is_transient = status.startswith("4") or (not status and reply is not None and reply[0].startswith("4"))
    return Cause.SOFT if is_transient and found.type == HARD else found


def _cause(status: str, words: str) -> Cause:
    detail = status[2:]
    if detail in _CERTAIN and status.startswith("5"):
        return _BY_STATUS[detail]
    for cause, pattern in WORDS:
        if pattern.search(words):
            return cause
    if status and detail not in ("0.0", ""):
        return _BY_STATUS.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0], Cause.SOFT)
    reply = _REPLY.search(words)
    return _BY_REPLY.get(reply[0], Cause.SOFT) if reply else Cause.SOFT


def status_in(words: str) -> str:
    """The first enhanced status code of an error in a text, or nothing."""
    return next((found for found in STATUS.findall(words) if found[0] in "45"), "")

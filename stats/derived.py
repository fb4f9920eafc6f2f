"""What GreenArrow Studio derives from its counters, in our names; not rounded. Pure.

The formulas are those that reproduce the figures its documentation prints, which are a test. They differ from the rates
of `stats.figures` in what they are made of (pixels alone, every hit) and in their denominators: the share of hard
bounces is one of bounces, not of messages.
"""

from dataclasses import dataclass

from stats.base_counters import BaseCounters


def share(part: int, whole: int) -> float:
    """From 0 to 1; 0.0 of nothing. Never above 1: a bounce may follow an open, so that fewer accepted than opened."""
    return min(1.0, part / whole) if whole > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """`accepted`: messages that neither bounced nor wait. Rates are shares from 0 to 1, by their denominators:

    of `messages`: `accepted_rate`, `bounce_rate`. Of `bounced`: `hard_rate`, `soft_rate`, `other_rate`, `local_rate`.
    Of `accepted`: `open_rate`, `click_rate`, `complaint_rate`, `unsubscribe_rate`. Of `opened`: `click_to_open_rate`.
    Of all handed over: `in_queue_rate`. `opens_each`: opens for each who opened, which may be above 1.
    """

    messages: int
    messages_html: int
    messages_text: int
    in_queue: int
    in_queue_rate: float
    accepted: int
    accepted_rate: float
    bounced: int
    repeated_bounces: int
    unbounced: int
    bounce_rate: float
    hard_rate: float
    soft_rate: float
    other_rate: float
    local_rate: float
    open_rate: float
    opens_each: float
    unopened: int
    repeated_opens: int
    click_rate: float
    click_to_open_rate: float
    unclicked: int
    repeated_clicks: int
    repeated_complaints: int
    complaint_rate: float
    repeated_unsubscribes: int
    unsubscribe_rate: float
    most_active: int


def derived(base: BaseCounters) -> Derived:
    messages = base.sent_text + base.sent_html + base.sent_multipart
    in_queue = max(0, base.handed_over - base.accepted - base.refused - base.expired)
    accepted = max(0, messages - base.bounced - in_queue)
    return Derived(
        messages=messages,
        messages_html=base.sent_html + base.sent_multipart,
        messages_text=base.sent_text,
        in_queue=in_queue,
        in_queue_rate=share(in_queue, base.handed_over),
        accepted=accepted,
        accepted_rate=share(accepted, messages),
        bounced=base.bounced,
        repeated_bounces=max(0, base.bounces - base.bounced),
        unbounced=max(0, messages - base.bounced),
        bounce_rate=share(base.bounced, messages),
        hard_rate=share(base.bounced_hard, base.bounced),
        soft_rate=share(base.bounced_soft, base.bounced),
        other_rate=share(base.bounced_other, base.bounced),
        local_rate=share(base.bounced_local, base.bounced),
        open_rate=share(base.opened, accepted),
        opens_each=base.opens / base.opened if base.opened else 0.0,
        unopened=max(0, accepted - base.opened),
        repeated_opens=max(0, base.opens - base.opened),
        click_rate=share(base.clicked, accepted),
        click_to_open_rate=share(base.clicked, base.opened),
        unclicked=max(0, accepted - base.clicked),
        repeated_clicks=max(0, base.clicks - base.clicked),
        repeated_complaints=max(0, base.complaints - base.complained),
        complaint_rate=share(base.complained, accepted),
        repeated_unsubscribes=max(0, base.unsubscribes - base.unsubscribed),
        unsubscribe_rate=share(base.unsubscribed, accepted),
        most_active=max(base.opened, base.clicked, base.unsubscribed, base.complained),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Openers:
    """Opens of one group of people: everybody, those who use a privacy proxy, or those who do not.

    `people`: how many they are. `opens`, `opened`: with and without proxies; `privacy_...` through a proxy, `plain_...`
    without one. Rates are shares of `people`.
    """

    people: int
    opens: int
    opened: int
    opened_rate: float
    privacy_opens: int
    privacy_opened: int
    privacy_opened_rate: float
    plain_opens: int
    plain_opened: int
    plain_opened_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyProtection:
    everybody: Openers
    proxied: Openers
    others: Openers


def privacy_protection(base: BaseCounters) -> PrivacyProtection:
    """With P, who had an open through a proxy, and N, who had one without: everybody is P and N, `proxied` are P, and
    `others` are who else got the message. Nothing is below 0: counters may be read while they move."""
    in_p = base.privacy_opened
    n_and_p, only_n = base.otherwise_opened, max(0, base.opened - in_p)
    plain_opens = max(0, base.opens - base.privacy_opens)
    of_others = max(0, plain_opens - base.otherwise_opens)
    accepted = derived(base).accepted
    return PrivacyProtection(
        everybody=_openers(
            accepted, (base.opens, base.opened), (base.privacy_opens, in_p), (plain_opens, n_and_p + only_n)
        ),
        proxied=_openers(
            in_p,
            (base.privacy_opens + base.otherwise_opens, in_p),
            (base.privacy_opens, in_p),
            (base.otherwise_opens, n_and_p),
        ),
        others=_openers(max(0, accepted - in_p), (of_others, only_n), (0, 0), (of_others, only_n)),
    )


def _openers(people: int, both: tuple[int, int], privacy: tuple[int, int], plain: tuple[int, int]) -> Openers:
    """Each of the last three: (how often, how many people)."""
    return Openers(
        people=people,
        opens=both[0],
        opened=both[1],
        opened_rate=share(both[1], people),
        privacy_opens=privacy[0],
        privacy_opened=privacy[1],
        privacy_opened_rate=share(privacy[1], people),
        plain_opens=plain[0],
        plain_opened=plain[1],
        plain_opened_rate=share(plain[1], people),
    )

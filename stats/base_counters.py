"""The counters from which vendors' statistics are made, for each variant of each campaign: every hit, whoever made it.

They follow GreenArrow Studio's (“Campaign Statistics” of its API): what a mail server counts, before anything is
derived from it (`stats.derived`). Names are ours; a dialect only translates. They differ from the figures in three
ways: an open is a load of the pixel and nothing else, programs count, and what was refused at hand-over is a bounce.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import add
from types import MappingProxyType

from django.db.models import Q, QuerySet, Sum

from campaigns.models import Campaign, CampaignRun, Channel, ContentSnapshot, Variant
from content.models import BodyFormat
from delivery.models import Recipient
from stats.counted import NOTHING, Counts, summed
from stats.listings import run_columns
from stats.models import Breakdown, CountedKind, Counter, EventKind
from stats.outcomes import by_variant
from tracking.bounces.causes import OTHER, SOFT, Cause

State = Recipient.State
States = dict[tuple[str, str], int]  # people by state and reason of skipping
SETTLED = (State.SENT.value, State.FAILED.value, State.IN_DOUBT.value)
CAPPED = "capped"
NO_CODES: Mapping[str, int] = MappingProxyType({})
Codes = defaultdict[int, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseCounters:
    """Of one variant, or added up over those of a campaign. In the order of GreenArrow's tables:

    `sent_text`, `sent_html`, `sent_multipart`: messages handed over, by their MIME shape. `bounces`: every report;
    `bounced`: people. `bounced_hard`, `bounced_soft`, `bounced_other`: people by the type of the first.
    `bounced_local`: refused at hand-over, or never taken; `bounced_remote`: reported later. `bounced_by_code`: people
    by code; "" where no code was told. `bounce_ended`, `complaint_ended`, `unsubscribe_ended`: subscriptions that ended
    by it. `clicks`: every click; `clicked`: people; `clicked_links`: people and links. `opens`, `opened`: loads of the
    pixel, and people who loaded it. `complaints`, `complained`, `unsubscribes`, `unsubscribed` alike.
    `skipped_on_request`: left out by the frequency cap; `skipped_by_error`: always 0, since there are no sending rules
    that could fail. `handed_over` = `accepted` + `refused` + `expired` + those in doubt: `accepted` by the next server,
    `refused` by it, `expired` where every retry was put off.

    Who loaded the pixel through a privacy proxy: `privacy_opens`, `privacy_opened`; what else these people loaded
    without it: `otherwise_opens`, `otherwise_opened`.
    """

    sent_text: int = 0
    sent_html: int = 0
    sent_multipart: int = 0
    bounces: int = 0
    bounced: int = 0
    bounced_hard: int = 0
    bounced_soft: int = 0
    bounced_other: int = 0
    bounced_local: int = 0
    bounced_remote: int = 0
    bounced_by_code: Mapping[str, int] = field(default_factory=dict)
    bounce_ended: int = 0
    clicks: int = 0
    clicked: int = 0
    clicked_links: int = 0
    opens: int = 0
    opened: int = 0
    complaints: int = 0
    complained: int = 0
    complaint_ended: int = 0
    unsubscribes: int = 0
    unsubscribed: int = 0
    unsubscribe_ended: int = 0
    skipped_by_error: int = 0
    skipped_on_request: int = 0
    handed_over: int = 0
    accepted: int = 0
    refused: int = 0
    expired: int = 0
    privacy_opens: int = 0
    privacy_opened: int = 0
    otherwise_opens: int = 0
    otherwise_opened: int = 0

    def __add__(self, other: "BaseCounters") -> "BaseCounters":
        codes = dict(self.bounced_by_code)
        for code, people in other.bounced_by_code.items():
            codes[code] = codes.get(code, 0) + people
        numbers = {name: getattr(self, name) + getattr(other, name) for name in NUMBERS}
        return BaseCounters(**numbers, bounced_by_code=codes)


NUMBERS = tuple(each.name for each in fields(BaseCounters) if each.name != "bounced_by_code")


def added(counters: Iterable[BaseCounters]) -> BaseCounters:
    return reduce(add, counters, BaseCounters())


def for_campaigns(ids: Iterable[int]) -> dict[int, dict[int, BaseCounters]]:
    """By campaign id, then by variant id in the order of positions; zeros where nothing was sent. In nine queries."""
    wanted = list(ids)
    of_campaigns = Q(run__campaign__in=wanted)
    counts, links, (codes, refusals) = _counts(of_campaigns), _links(of_campaigns), _codes(of_campaigns)
    variants, shapes = _variants(wanted), _shapes(wanted)
    outcomes = _with_todays_columns(by_variant(wanted), variants)
    return {
        campaign_id: {
            pk: of(
                counts.get(pk, {}),
                outcomes.get(pk, {}),
                codes.get(pk, {}),
                refusals=refusals.get(pk, {}),
                shape=shapes.get(pk, "sent_text"),
                clicked_links=links.get(pk, 0),
            )
            for pk in variants.get(campaign_id, [])
        }
        for campaign_id in wanted
    }


def for_run(run: CampaignRun, outcomes: Mapping[int, Mapping[tuple[str, str], int]]) -> dict[int, BaseCounters]:
    """Of one run, by variant id. `outcomes`: by variant id, people by (state, reason of skipping). In four queries."""
    counts, links, (codes, refusals) = _counts(Q(run=run)), _links(Q(run=run)), _codes(Q(run=run))
    shapes = _shapes([run.campaign_id])
    return {
        pk: of(
            counts.get(pk, {}),
            people,
            codes.get(pk, {}),
            refusals=refusals.get(pk, {}),
            shape=shapes.get(pk, "sent_text"),
            clicked_links=links.get(pk, 0),
        )
        for pk, people in outcomes.items()
    }


def of(
    counts: Counts,
    outcomes: Mapping[tuple[str, str], int],
    codes: Mapping[str, int],
    *,
    refusals: Mapping[str, int] = NO_CODES,
    shape: str = "sent_multipart",
    clicked_links: int = 0,
) -> BaseCounters:
    """From sums by kind, people by (state, reason of skipping), people by bounce code, and those of them who were
    refused at hand-over (`refusals`). Pure.

    `shape`: which of the `sent_` counters holds the messages, all of which look alike in a variant. Failed without a
    refusal are those whose retries were all put off: as with GreenArrow, that is a soft bounce of our own.
    """

    def people(kind: str) -> int:
        return counts.get(kind, NOTHING).unique

    def times(kind: str) -> int:
        return counts.get(kind, NOTHING).total

    states: dict[str, int] = defaultdict(int)
    for (state, _), number in outcomes.items():
        states[state] += number
    local, failed = people(CountedKind.BOUNCED_LOCAL), states[State.FAILED]
    refused, expired = min(local, failed), max(0, failed - local)
    soft, other = _of_type(SOFT, refusals), _of_type(OTHER, refusals)
    handed_over = states[State.SENT] + failed + states[State.IN_DOUBT]
    return BaseCounters(
        **{shape: handed_over},
        bounces=times(EventKind.BOUNCED) + times(CountedKind.BOUNCED_LOCAL) + expired,
        bounced=people(EventKind.BOUNCED) + local + expired,
        bounced_hard=people(CountedKind.BOUNCED_HARD) + max(0, local - soft - other),
        bounced_soft=people(CountedKind.BOUNCED_SOFT) + soft + expired,
        bounced_other=people(CountedKind.BOUNCED_OTHER) + other,
        bounced_local=local + expired,
        bounced_remote=people(EventKind.BOUNCED),
        bounced_by_code=_with_expired(codes, expired),
        bounce_ended=times(CountedKind.BOUNCE_ENDED),
        clicks=times(EventKind.CLICKED),
        clicked=people(EventKind.CLICKED),
        clicked_links=clicked_links,
        opens=times(EventKind.OPENED),
        opened=people(EventKind.OPENED),
        complaints=times(EventKind.COMPLAINED),
        complained=people(EventKind.COMPLAINED),
        complaint_ended=times(CountedKind.COMPLAINT_ENDED),
        unsubscribes=times(EventKind.UNSUBSCRIBED),
        unsubscribed=people(EventKind.UNSUBSCRIBED),
        unsubscribe_ended=times(CountedKind.UNSUBSCRIBE_ENDED),
        skipped_on_request=outcomes.get((State.SKIPPED.value, CAPPED), 0),
        handed_over=handed_over,
        accepted=states[State.SENT],
        refused=refused,
        expired=expired,
        privacy_opens=times(CountedKind.PRIVACY_OPENED),
        privacy_opened=people(CountedKind.PRIVACY_OPENED),
        otherwise_opens=times(CountedKind.PRIVACY_OPENED_OTHERWISE),
        otherwise_opened=people(CountedKind.PRIVACY_OPENED_OTHERWISE),
    )


def _of_type(kind: str, codes: Mapping[str, int]) -> int:
    """People whose code says that it was this type; a code that is none of ours says nothing."""
    causes = ((Cause.of_code(code), number) for code, number in codes.items())
    return sum(number for cause, number in causes if cause is not None and cause.type == kind)


def _with_expired(codes: Mapping[str, int], expired: int) -> dict[str, int]:
    """What was put off until it expired was told no code."""
    return {**codes, "": codes.get("", 0) + expired} if expired else dict(codes)


# --- reading -----------------------------------------------------------------------------------------------------


def _variants(ids: list[int]) -> dict[int, list[int]]:
    """By campaign, in the order of their positions."""
    found: dict[int, list[int]] = defaultdict(list)
    rows = Variant.objects.filter(campaign__in=ids).order_by("campaign_id", "position")
    for campaign_id, pk in rows.values_list("campaign_id", "pk"):
        found[campaign_id].append(pk)
    return found


def _with_todays_columns(outcomes: dict[int, States], variants: Mapping[int, list[int]]) -> dict[int, States]:
    """An only variant has what its runs say, which is of this moment; outcomes are counted now and then."""
    columns = run_columns(variants)
    for campaign_id, (pk, *others) in variants.items():
        if not others and (own := columns.get(campaign_id)):
            reasons = {key: people for key, people in outcomes.get(pk, {}).items() if key[0] == State.SKIPPED}
            outcomes[pk] = reasons | {(name, ""): own[name] for name in SETTLED}
    return outcomes


def _counts(which: Q) -> dict[int, Counts]:
    """By variant."""
    return dict(summed(Counter.objects.filter(which), "variant_id"))


def _links(which: Q) -> dict[int, int]:
    """By variant, first clicks on each link, added up over links."""
    clicks = Counter.objects.filter(which, kind=EventKind.CLICKED).order_by()
    return dict(clicks.values_list("variant_id").annotate(Sum("unique_by_link")))


def _codes(which: Q) -> tuple[Codes, Codes]:
    """By variant, people by code of their first bounce; all, and those refused at hand-over."""
    kinds = [EventKind.BOUNCED, CountedKind.BOUNCED_LOCAL]
    rows = Breakdown.objects.filter(which, dimension=Breakdown.Dimension.BOUNCE, kind__in=kinds).order_by()
    found, refused = Codes(dict), Codes(dict)
    for variant_id, kind, code, people in rows.values_list("variant_id", "kind", "value").annotate(Sum("unique")):
        if people:
            found[variant_id][code] = found[variant_id].get(code, 0) + people
            if kind == CountedKind.BOUNCED_LOCAL:
                refused[variant_id][code] = people
    return found, refused


def _shapes(ids: list[int]) -> dict[int, str]:
    """By variant. A mail with HTML gets a text part, written from the HTML where nobody wrote one, unless its format
    says otherwise."""
    of_email: QuerySet[ContentSnapshot] = ContentSnapshot.objects.filter(run__campaign__in=ids).exclude(html="")
    emails = Campaign.objects.filter(pk__in=ids, channel=Channel.EMAIL).values("pk")
    with_html = of_email.filter(run__campaign__in=emails).order_by("run__number")
    shapes = {BodyFormat.HTML: "sent_html", BodyFormat.TEXT: "sent_text"}
    rows = with_html.values_list("variant_id", "body_format")
    return {variant_id: shapes.get(BodyFormat(said), "sent_multipart") for variant_id, said in rows}

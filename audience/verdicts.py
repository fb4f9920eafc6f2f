"""What the selection of an audience says of one person, and why: the same answer, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import Organization
from audience import suppressions
from audience.models import MailingList, Segment, Subscriber, Subscription, Suppression
from audience.selection import Part, means, select


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`included_by` and `excluded_by` are the parts that mean the person; only who is in the audience has more.

    `skip_reason` is '' for somebody who may be sent to, else one of `selection.SKIP_REASONS`; `subscription` is the one
    through which they are reached, and `suppression` what keeps them out where that is the reason.
    """

    included_by: tuple[Part, ...] = ()
    excluded_by: tuple[Part, ...] = ()
    skip_reason: str = ""
    subscription: Subscription | None = None
    suppression: Suppression | None = None

    @property
    def in_audience(self) -> bool:
        return bool(self.included_by) and not self.excluded_by


def verdict(organization: Organization, parts: Sequence[Part], person: Subscriber, *, channel: str) -> Verdict:
    """What `select` would say of this person now. A handful of queries."""
    meant = [part for part in parts if means(organization, part, person)]
    included = tuple(part for part in meant if not part.excluded)
    excluded = tuple(part for part in meant if part.excluded)
    if not included or excluded:
        return Verdict(included_by=included, excluded_by=excluded)
    row: Any = select(organization, parts, channel=channel, person=person).first()
    if row is None:  # changed between two questions
        return Verdict(excluded_by=excluded)
    way = Subscription.objects.select_related("mailing_list").filter(pk=row.subscription_id).first()
    return Verdict(
        included_by=included,
        skip_reason=row.skip_reason,
        subscription=way,
        suppression=_suppression(organization, row, way),
    )


def _suppression(organization: Organization, row: Any, way: Subscription | None) -> Suppression | None:
    if row.skip_reason != "suppressed":
        return None
    return suppressions.check(organization, row.address, mailing_list=way.mailing_list if way else None)


def words(part: Part) -> str:
    """A part as people read it, such as “segment Readers in list News”."""
    segment = Segment.objects.filter(pk=part.segment_id).first() if part.segment_id else None
    mailing_list = MailingList.objects.filter(pk=part.mailing_list_id).first() if part.mailing_list_id else None
    named = [f"segment {segment}" if segment else "", f"list {mailing_list}" if mailing_list else ""]
    return " in ".join(name for name in named if name) or "a list or segment that is gone"

"""What a report is made of. Everything is there twice: `figures` are people's, `raw` counts programs too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from campaigns.models import Campaign, Variant
from stats.figures import RATES, Figures
from stats.timeline import Timeline


@dataclass(frozen=True, kw_only=True)
class LinkRow:
    """A link of the mail. `clicked`: people who clicked it; `clicked_first`: those who clicked it before any other.

    Those that begin with `raw` count programs too.
    """

    variant_id: int
    variant: str
    position: int
    url: str
    clicks: int = 0
    clicked: int = 0
    clicked_first: int = 0
    raw_clicks: int = 0
    raw_clicked: int = 0
    raw_clicked_first: int = 0


@dataclass(frozen=True, kw_only=True)
class VariantRow:
    """One content of the campaign, by all who were given it."""

    variant: Variant
    figures: Figures
    raw: Figures


@dataclass(frozen=True, kw_only=True)
class DomainRow:
    """Recipients of one domain. `domain` is "" where an address has none, and in the last row where `others`
    domains stand together."""

    domain: str
    figures: Figures
    raw: Figures
    others: int = 0


@dataclass(frozen=True, kw_only=True)
class ProgramRow:
    """What messages were looked at with: a program (Apple Mail, Chrome...) or a kind of device (desktop, phone,
    tablet). `name` is "" where the hit did not say.

    Only `opened`, `opens`, `clicked` and `clicks` are counted; each recipient at their first open, and at their first
    click, so that rows add up to the figures of the campaign.
    """

    name: str
    figures: Figures
    raw: Figures


@dataclass(frozen=True, kw_only=True)
class Average:
    """What campaigns of the organization usually bring: see `stats.trends`.

    `campaigns`: how many it is made of; 0 where there is nothing to compare with. `figures`, `raw`: rates by name.
    """

    campaigns: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)
    raw: Mapping[str, float] = field(default_factory=dict)

    def differences(self, figures: Figures) -> dict[str, float]:
        """By rate: how far above (or below) the average, as a difference of fractions; empty without an average."""
        return {name: round(getattr(figures, name) - self.figures[name], 4) for name in RATES if name in self.figures}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report page shows of one campaign, over all its runs.

    `timeline` is by hour or by day, whichever suits; `hours` is by hour for the first seven days, `days` by day.
    `outcomes`: people by state of their message (`Recipient.State`); `skip_reasons`: people by reason, most first.
    `links`: the most clicked first. `domains`: most recipients first, the smaller ones together in the last row.
    `counted_at`: as of when variants' columns, skip reasons and domains are counted while messages go out; None where
    they are of this moment. All other figures are always of this moment.
    """

    figures: Figures
    raw: Figures
    timeline: Timeline
    hours: Timeline
    days: Timeline
    links: list[LinkRow] = field(default_factory=list)
    variants: list[VariantRow] = field(default_factory=list)
    domains: list[DomainRow] = field(default_factory=list)
    clients: list[ProgramRow] = field(default_factory=list)
    devices: list[ProgramRow] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    skip_reasons: dict[str, int] = field(default_factory=dict)
    bounce_codes: dict[str, int] = field(default_factory=dict)
    average: Average = field(default_factory=Average)
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """People who had opened and clicked by the end of this hour after the start, added up; both sets."""

    hour: int
    opened: int = 0
    clicked: int = 0
    raw_opened: int = 0
    raw_clicked: int = 0


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One of up to five campaigns beside each other. `elapsed`: the first three days, hour by hour."""

    campaign: Campaign
    figures: Figures
    raw: Figures
    elapsed: list[Elapsed] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What came back on one day of the organization's calendar, of the campaigns in question. `unsubscribed`,
    `bounced`, `complained`: people whose first time it was, as `opened` and `clicked` are."""

    day: date
    opened: int = 0
    clicked: int = 0
    raw_opened: int = 0
    raw_clicked: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """An organization's last days: the campaigns started in them, and the same for as many days before.

    `since`: the first day that counts, in the organization's zone; `campaigns`: how many were started since.
    `days`: every day since then, without gaps. `best`: up to five of these campaigns, the highest open rate first.
    """

    since: date
    campaigns: int
    figures: Figures
    raw: Figures
    campaigns_before: int
    figures_before: Figures
    raw_before: Figures
    days: list[Day] = field(default_factory=list)
    best: list[Compared] = field(default_factory=list)

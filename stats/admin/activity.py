"""Which of a campaign's people are asked for, as it stands in the address; pages are cut by key.

The page after the millionth row costs what the first does: it begins after a key, and nobody counts what is before.
"""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.pages import row_number
from campaigns.models import Campaign, Variant
from delivery.models import Recipient
from stats import people
from stats.admin.hits import wants_raw
from stats.people import Chosen

PER_PAGE = 50


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The filter: which of them, by which link of which variant, in which run, at which domain, whose address."""

    campaign: Campaign
    chosen: str = Chosen.ALL
    raw: bool = False
    link: int | None = None
    variant: Variant | None = None
    run: int | None = None
    domain: str = ""
    search: str = ""

    def rows(self) -> QuerySet[Recipient]:
        return people.recipients(
            self.campaign,
            self.chosen,
            raw=self.raw,
            link_position=self.link,
            variant_id=self.variant.pk if self.variant else None,
            run=self.run,
            domain=self.domain,
            search=self.search,
        )

    @property
    def words(self) -> str:
        """For the name of a file: what is in it."""
        parts = [self.chosen, f"link-{self.link}" if self.link is not None else "", "every-hit" if self.raw else ""]
        parts.insert(0, f"instance-{self.run}" if self.run else "")
        return "-".join(part for part in parts if part)

    @property
    def narrows(self) -> bool:
        return bool(self.chosen or self.link is not None or self.variant or self.run or self.domain or self.search)


def asked(request: HttpRequest, campaign: Campaign) -> Asked:
    """What the address asks for; what is no choice is none."""
    chosen, variant = request.GET.get("state", ""), row_number(request.GET.get("variant"))
    return Asked(
        campaign=campaign,
        chosen=chosen if chosen in Chosen.values else Chosen.ALL,
        raw=wants_raw(request),
        link=row_number(request.GET.get("link")),
        variant=campaign.variants.filter(pk=variant).first() if variant else None,
        run=_run(request.GET.get("run")),
        domain=request.GET.get("domain", "").strip(),
        search=request.GET.get("q", "").strip(),
    )


def _run(text: str | None) -> int | None:
    number = row_number(text)
    return number if number and number < 2**31 else None


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows; `earlier` and `later` are the keys that the pages beside it are asked for by, None where none is."""

    rows: list[Recipient]
    earlier: int | None = None
    later: int | None = None


def page_of(rows: QuerySet[Recipient], request: HttpRequest, size: int = PER_PAGE) -> Page:
    """The page after the key `after`, or before the key `before`; else the first. `rows` are ordered by their key."""
    after, before = row_number(request.GET.get("after")), row_number(request.GET.get("before"))
    if before is not None:
        found = list(rows.filter(pk__lt=before).order_by("-pk")[: size + 1])
        shown = found[:size][::-1]
        return Page(rows=shown, earlier=shown[0].pk if len(found) > size else None, later=_last(shown))
    found = list((rows.filter(pk__gt=after) if after is not None else rows)[: size + 1])
    shown = found[:size]
    earlier = shown[0].pk if shown and after is not None else None
    return Page(rows=shown, earlier=earlier, later=_last(shown) if len(found) > size else None)


def _last(rows: list[Recipient]) -> int | None:
    return rows[-1].pk if rows else None

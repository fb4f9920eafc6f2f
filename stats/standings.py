"""What a recipient did in a run, and on which links; each knows what of it is not stored yet. Pure."""

from dataclasses import dataclass, fields
from datetime import datetime

NEW = -1


@dataclass(slots=True)
class Standing:
    """A recipient's engagement; the columns of `stats.models.Engagement`."""

    read_at: datetime | None = None
    opened_at: datetime | None = None
    opens: int = 0
    clicked_at: datetime | None = None
    clicks: int = 0
    last_clicked_at: datetime | None = None
    viewed_at: datetime | None = None
    human_read_at: datetime | None = None
    human_opened_at: datetime | None = None
    human_opens: int = 0
    human_clicked_at: datetime | None = None
    human_clicks: int = 0
    human_viewed_at: datetime | None = None
    privacy_opened_at: datetime | None = None
    privacy_opens: int = 0
    unsubscribed_at: datetime | None = None
    delivered_at: datetime | None = None
    bounced_at: datetime | None = None
    bounce_type: str = ""
    complained_at: datetime | None = None
    forwarded_at: datetime | None = None
    forwards: int = 0
    converted_at: datetime | None = None
    conversions: int = 0
    revenue_cents: int = 0
    probed_at: datetime | None = None
    # Which columns say something else than what is stored, a bit of COLUMN for each; all where nothing is stored.
    touched: int = NEW

    def reach(self, column: str, at: datetime) -> bool:
        """Note a first time; True where there was none yet. A hit that was spooled late may be the earlier one."""
        before = getattr(self, column)
        if before is None or at < before:
            setattr(self, column, at)
            self.touched |= COLUMN[column]
        return before is None

    def count(self, column: str, number: int = 1) -> None:
        setattr(self, column, getattr(self, column) + number)
        self.touched |= COLUMN[column]

    def click(self, at: datetime) -> None:
        if self.last_clicked_at is None or at > self.last_clicked_at:
            self.last_clicked_at = at
            self.touched |= COLUMN["last_clicked_at"]

    def bounce(self, kind: str) -> None:
        """The first bounce says which it is."""
        if not self.bounce_type:
            self.bounce_type = kind
            self.touched |= COLUMN["bounce_type"]


STANDING = tuple(column.name for column in fields(Standing) if column.name != "touched")
COLUMN = {name: 1 << place for place, name in enumerate(STANDING)}


@dataclass(slots=True)
class LinkStanding:
    """One recipient's clicks on one link; the columns of `stats.models.ClickedLink`."""

    clicked_at: datetime
    clicks: int = 0
    human_clicked_at: datetime | None = None
    human_clicks: int = 0
    is_touched: bool = True  # says something else than what is stored


LINK_STANDING = tuple(column.name for column in fields(LinkStanding) if column.name != "is_touched")

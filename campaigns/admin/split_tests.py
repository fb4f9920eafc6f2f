"""A split test on its campaign's page: the race while it runs, the choice, and the decision afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest, HttpResponse

from accounts.actors import Actor
from accounts.admin.pages import DeskForm, fragment
from campaigns.admin.lookup import of_campaign
from campaigns.errors import NotReady
from campaigns.models import REASON_LENGTH, Campaign, State
from splittests import course, standings, words
from splittests.decisions import Metric, Verdict
from splittests.models import SplitTest, SplitTestRun
from splittests.standings import Phase, Race, Row

FIGURES = "figures"
# Of a campaign: the clock found no clear difference, and the rest waits for somebody.
ASKS = Exists(
    SplitTestRun.objects.filter(
        run__campaign=OuterRef("pk"),
        run__campaign__state=State.HOLDING,
        chosen__isnull=True,
        measured_at__gte=F("due_at"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One variant as it is drawn: `left` and `width` of its interval, of what reaches furthest; `best`: its chance,
    and `filled` as the width of a bar."""

    name: str
    subject: str
    people: int
    amount: int
    rate: str
    between: str
    best: str
    filled: str
    left: str
    width: str
    leads: bool
    chosen: bool


class ChoiceForm(DeskForm):
    """What goes to the rest: what the figures say, or one variant for a reason."""

    choice = forms.ChoiceField(label="What goes to the rest?", widget=forms.RadioSelect, initial=FIGURES)
    reason = forms.CharField(
        label="Why",
        required=False,
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Needed where you choose yourself; kept in the history.",
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        race = standings.of(campaign)
        field: Any = self.fields["choice"]
        field.choices = [(FIGURES, _figures_say(race)), *(_choice(race, each) for each in race.rows)] if race else []

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("choice", FIGURES) != FIGURES and not given.get("reason", "").strip():
            self.add_error("reason", "Say why you choose this one.")
        return given


def _figures_say(race: Race) -> str:
    """What deciding by the figures would come to now."""
    leader = race.leader.name if race.leader else ""
    if race.verdict == Verdict.WON:
        return f"What the figures so far say: {leader} wins"
    then = {
        SplitTest.WhenUnclear.LEADER: f"{leader} goes out, which is ahead",
        SplitTest.WhenUnclear.FIRST: "the first goes out",
        SplitTest.WhenUnclear.ASK: "so nothing goes out yet",
    }[SplitTest.WhenUnclear(race.test.when_unclear)]
    return f"What the figures so far say: no clear difference, {then}"


def _choice(race: Race, row: Row) -> tuple[str, str]:
    rate = words.rate(Metric(race.test.metric), row.rate)
    said = words.says(row.variant)
    return str(row.variant.pk), f"{row.variant.name}: {said} – {rate}, the best with {words.share(row.chance)}"


def decide(campaign: Campaign, by: Actor, given: Mapping[str, Any]) -> Campaign:
    """The act behind "Decide now". Raises NotReady where the figures leave it open, for somebody to choose."""
    row = course.of(campaign)
    if given["choice"] == FIGURES:
        found = course.decide_now(row, by=by)
    else:
        course.choose(row, campaign.variants.get(pk=int(given["choice"])), by=by, reason=given["reason"])
    campaign.refresh_from_db()
    if campaign.state == State.HOLDING:
        raise NotReady({"choice": [f"Nothing is clear yet, so it is left to you. {found.reason} Choose one, or wait."]})
    return campaign


@of_campaign()
def race_fragment(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The race as it is now; nothing where no test is planned."""
    race = standings.of(campaign)
    return fragment(
        request,
        "admin/campaigns/campaign/race.html",
        campaign=campaign,
        race=race,
        lanes=_lanes(race) if race else [],
        plan=_plan(race.test) if race else "",
        live=race is not None and race.phase in (Phase.SAMPLING, Phase.WAITING, Phase.ASKING),
    )


def _plan(test: SplitTest) -> str:
    """What happens, as one would tell somebody."""
    then = {
        SplitTest.WhenUnclear.LEADER: "the one ahead is sent all the same",
        SplitTest.WhenUnclear.FIRST: "A is sent",
        SplitTest.WhenUnclear.ASK: "somebody is asked",
    }[SplitTest.WhenUnclear(test.when_unclear)]
    metric = SplitTest.Metric(test.metric).label.lower()
    return (
        f"{test.share_percent.normalize():f} % of those who get it are the sample, and the variants are dealt to them. "
        f"{test.wait_in_words} later they are compared by {metric}, and the best goes to everybody else. "
        f"Where none is the best with {words.share(float(test.certainty))}, {then}."
    )


def _lanes(race: Race) -> list[Lane]:
    reach = max((row.high for row in race.rows), default=0) or 1
    return [_lane(race, row, reach) for row in race.rows]


def _lane(race: Race, row: Row, reach: float) -> Lane:
    metric, low = Metric(race.test.metric), max(0.0, row.low)
    return Lane(
        name=row.variant.name,
        subject=words.says(row.variant),
        people=row.people,
        amount=row.amount,
        rate=words.rate(metric, row.rate),
        between=f"{words.rate(metric, low)} to {words.rate(metric, row.high)}",
        best=words.share(row.chance),
        filled=f"{row.chance:.1%}",
        left=f"{low / reach:.1%}",
        width=f"{(row.high - low) / reach:.1%}",
        leads=race.leader == row.variant,
        chosen=race.chosen == row.variant,
    )

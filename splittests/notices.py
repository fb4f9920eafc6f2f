"""Mail to the people of a campaign: somebody has to choose, or something was chosen. Plain text, one mail a person.

Who is asked: those who made or submitted the campaign and may choose; where none of them may, everybody who may. Who is
told what was chosen: those who made or submitted it, but not who chose.
"""

from django.core.mail import EmailMessage
from django.db.models import F, Q, QuerySet

from accounts.models import User
from accounts.permissions import GRANTS, Permission, may
from accounts.texts import one_line
from campaigns.models import Campaign
from campaigns.notices import link, mail, person
from delivery.models import Recipient
from splittests import standings, words
from splittests.models import SplitTestRun
from splittests.standings import Race

Told = SplitTestRun.Told


def waiting() -> QuerySet[SplitTestRun]:
    """Tests whose people have not been told yet."""
    decided = Q(chosen__isnull=False) & ~Q(told=Told.DECIDED)
    asked = Q(chosen__isnull=True, measured_at__gte=F("due_at"), told="", run__campaign__state="holding")
    return SplitTestRun.objects.filter(decided | asked).defer("looks")


def receivers(row: SplitTestRun, what: str) -> list[User]:
    campaign = row.run.campaign
    authors = [user for user in (campaign.created_by, campaign.submitted_by) if user and user.is_active and user.email]
    if what == Told.DECIDED:
        known = [user for user in authors if may(user, Permission.READ, campaign.organization)]
        return list({user.pk: user for user in known if user.pk != row.chosen_by_id}.values())
    choosing = [user for user in authors if may(user, Permission.UPDATE_STATE, campaign.organization)]
    return list({user.pk: user for user in choosing}.values()) or list(_everybody_who_may_choose(campaign))


def _everybody_who_may_choose(campaign: Campaign) -> QuerySet[User]:
    roles = [role for role, permissions in GRANTS.items() if Permission.UPDATE_STATE in permissions]
    people = User.objects.filter(memberships__organization=campaign.organization_id, memberships__role__in=roles)
    return people.filter(is_active=True).exclude(email="").distinct()


def notice(row: SplitTestRun, what: str, to: User) -> EmailMessage | None:
    """None where it is no longer so."""
    campaign = row.run.campaign
    race = standings.of(campaign)
    if race is None or (what == Told.ASKED and row.chosen_id) or (what == Told.DECIDED and not row.chosen_id):
        return None
    subject, lines = _asked(campaign, row, race) if what == Told.ASKED else _decided(campaign, row, race)
    return mail(campaign, to, subject, lines, about="split-test")


def _asked(campaign: Campaign, row: SplitTestRun, race: Race) -> tuple[str, list[str]]:
    people = Recipient.objects.filter(run=row.run_id, batch__held=True, state=Recipient.State.PENDING).count()
    return f"Please choose: {one_line(campaign.name)}", [
        f"The split test of “{one_line(campaign.name)}” found no clear difference. {row.reason}",
        "",
        *words.lines(race),
        "",
        f"{people:,} people wait until somebody chooses. Choose, with your reason, here:",
        link(campaign),
        "",
        "You get this mail because you may choose for this campaign.",
    ]


def _decided(campaign: Campaign, row: SplitTestRun, race: Race) -> tuple[str, list[str]]:
    chosen = row.chosen
    assert chosen is not None  # noqa: S101 - `notice` has asked
    who = f"{person(row.chosen_by)} chose it: {one_line(row.reason)}" if row.chosen_by else row.reason
    return f"{chosen.name} goes to the rest: {one_line(campaign.name)}", [
        f"The split test of “{one_line(campaign.name)}” is decided: {chosen.name} goes to everybody else.",
        "",
        f"{chosen.name} says: {words.says(chosen)}",
        f"{row.get_verdict_display()}. {who}",
        "",
        *words.lines(race),
        "",
        link(campaign),
    ]

"""Recurring campaigns among the clock's scheduled tasks: a crontab each, in the campaign's zone, that wakes the clock.

What is due is asked of the campaign (`Campaign.objects.due`), every few seconds in any case; the crontab makes a start
punctual, and shows operators which campaigns recur and when. Since celery wants both lists of days to match where cron
is content with either, a recurrence with both has two crontabs.
"""

from django_celery_beat.models import CrontabSchedule, PeriodicTask

from campaigns import recurring
from campaigns.models import RUNNING, Campaign, CampaignEvent, ScheduleType, State
from campaigns.recurrence import Recurrence

TASK = "campaigns.start_due"
EXPIRE_SECONDS = 30
ABOUT = "Wakes the clock for “{}”. Pause the campaign to hold it back; this task alone decides nothing."


def keep_in_step(event: CampaignEvent) -> None:
    """Called with each line of a campaign's history, in its transaction."""
    campaign = event.campaign
    recurs = campaign.schedule_type == ScheduleType.RECURSIVE and campaign.state in (State.SCHEDULED, *RUNNING)
    if recurs and not campaign.paused and not campaign.deleted_at:
        kept = recurring.of(campaign)
        _wake(campaign, kept) if kept else _let_sleep(campaign)
    elif recurring.of(campaign):
        _let_sleep(campaign)


def _wake(campaign: Campaign, recurrence: Recurrence) -> None:
    wanted = [_crontab(fields, campaign.schedule_tz) for fields in _fields(recurrence)]
    tasks = list(PeriodicTask.objects.filter(name__in=_names(campaign)).order_by("name"))
    if [task.crontab_id for task in tasks if task.enabled] == [crontab.pk for crontab in wanted]:
        return  # a change makes the clock read all its tasks anew
    _let_sleep(campaign)
    for name, crontab in zip(_names(campaign), wanted, strict=False):
        PeriodicTask.objects.create(
            name=name,
            task=TASK,
            crontab=crontab,
            expire_seconds=EXPIRE_SECONDS,
            description=ABOUT.format(campaign.name),
        )


def _let_sleep(campaign: Campaign) -> None:
    for task in PeriodicTask.objects.filter(name__in=_names(campaign)):
        task.delete()  # one by one, so that the clock is told


def _names(campaign: Campaign) -> list[str]:
    return [f"Campaign {campaign.public_id}", f"Campaign {campaign.public_id} (days of the month)"]


def _fields(recurrence: Recurrence) -> list[dict[str, str]]:
    minute, hour, month_day, month, weekday = recurrence.cron.split()
    common = {"minute": minute, "hour": hour, "month_of_year": month}
    if "*" in {month_day, weekday}:
        return [common | {"day_of_month": month_day, "day_of_week": weekday}]
    return [
        common | {"day_of_month": "*", "day_of_week": weekday},
        common | {"day_of_month": month_day, "day_of_week": "*"},
    ]


def _crontab(fields: dict[str, str], zone: str) -> CrontabSchedule:
    """One that is there already, if any: the table has no constraint, so there may be several alike."""
    found = CrontabSchedule.objects.filter(**fields, timezone=zone).order_by("pk").first()
    return found or CrontabSchedule.objects.create(**fields, timezone=zone)

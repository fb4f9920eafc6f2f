"""`manage.py campaign …`: everything a person does with campaigns, from a terminal and as that person."""

import json
from argparse import ArgumentParser, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils.timezone import is_naive, now
from rich.console import Console, RenderableType

from accounts.actors import Actor, Surface
from accounts.models import User
from campaigns import drafts, lifecycle, schedules, variants
from campaigns.errors import CampaignError, NotReady
from campaigns.models import Campaign, Channel, State
from campaigns.querysets import DATES
from campaigns.recurrence import from_cron
from operations import campaign_output, schedule_output, send_time_output, split_test_output
from splittests import planning, standings
from stats.reports import report

EXAMPLES = """examples:
  manage.py campaign list --as marketer --state draft scheduled --tag news
  manage.py campaign schedule cmp_4kq0… --at 2030-03-01T09:00 --tz Europe/Berlin --as marketer
  manage.py campaign schedule cmp_4kq0… --cron "0 9 * * mon,thu" --times 12 --tz Europe/Berlin --as marketer
  manage.py campaign approve cmp_4kq0… --as approver
  manage.py campaign stats cmp_4kq0… --as marketer --json"""
WIDTH = 160  # where there is no terminal to ask


class Command(BaseCommand):
    help = "List, show and move campaigns, acting as a named user with that user's permissions."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"formatter_class": RawDescriptionHelpFormatter, "epilog": EXAMPLES}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        self._add(acts, "list", "List campaigns, the newest first.", self.list, of_one=False, arguments=_filters)
        self._add(acts, "show", "One campaign with what it lacks, what you can do, and its history.", self.show)
        self._add(acts, "submit", "Submit a draft, to go out at once or at a time.", self.submit, arguments=_time)
        self._add(acts, "approve", "Let a submitted campaign go out.", self.approve, arguments=_reason)
        self._add(acts, "reject", "Send a submitted campaign back.", self.reject, arguments=_required_reason)
        about = "Schedule a draft, or move a campaign: once, or again and again."
        self._add(acts, "schedule", about, self.schedule, arguments=_required_time)
        about = "What goes out when: of one campaign or of all, recurring ones computed ahead."
        self._add(acts, "upcoming", about, self.upcoming, of_one=False, arguments=_ahead)
        self._add(acts, "send", "Send now.", self.send)
        self._add(acts, "pause", "Hold a campaign back.", self.pause, arguments=_reason)
        self._add(acts, "resume", "Let a paused campaign go on.", self.resume)
        self._add(acts, "cancel", "Stop a campaign for good.", self.cancel, arguments=_reason)
        self._add(acts, "copy", "Make a new draft like it.", self.copy, arguments=_name)
        self._add(acts, "retry-failed", "Send once more to those whose message failed.", self.retry_failed)
        self._add(acts, "variants", "Show the contents, or write all of them.", self.variants, arguments=_contents)
        about = "Show the split test and its race; plan, drop, decide or choose with an option."
        self._add(acts, "split-test", about, self.split_test, arguments=_split_test)
        about = "In whose time it goes out, when it expires and how far each zone is; change it with an option."
        self._add(acts, "send-time", about, self.send_time, arguments=_send_time)
        about = "Whether it goes once more to who has not opened it; plan or drop that with an option."
        self._add(acts, "auto-resend", about, self.auto_resend, arguments=_auto_resend)
        self._add(acts, "stats", "Figures and links.", self.stats)

    def _add(
        self,
        acts: Any,
        name: str,
        about: str,
        act: Callable[[Namespace], None],
        *,
        of_one: bool = True,
        arguments: Callable[[ArgumentParser], None] | None = None,
    ) -> None:
        parser = acts.add_parser(name, help=about, description=about)
        parser.set_defaults(act=act)
        if of_one:
            parser.add_argument("campaign", metavar="ID", help="cmp_… or the number")
        if arguments:
            arguments(parser)
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="who acts")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        given = Namespace(**options)
        given.user = _user(given.username)
        given.by = Actor(user=given.user, surface=Surface.COMMAND)
        if reference := options.get("campaign") or options.get("campaign_id"):
            given.campaign = _campaign(reference, given.user)
        try:
            given.act(given)
        except NotReady as refusal:
            lines = [f"{field}: {text}" for field, texts in refusal.problems.items() for text in texts]
            raise CommandError("\n".join(lines)) from refusal
        except CampaignError as refusal:
            raise CommandError(str(refusal)) from refusal

    # --- looking -------------------------------------------------------------------------------------------------

    def list(self, given: Namespace) -> None:
        found = _found(given)
        page = list(found.select_related("organization").prefetch_related("tags")[: given.limit])
        if given.json:
            self._print_json([campaign_output.as_data(campaign) for campaign in page])
            return
        total = found.count()
        if not total:
            self.stdout.write("No campaigns found.")
            return
        self._print(campaign_output.list_table(page))
        self.stdout.write(f"{len(page)} of {total} campaigns." if total > len(page) else f"{total} campaigns.")

    def show(self, given: Namespace) -> None:
        shown = campaign_output.details(given.campaign, given.user)
        if given.json:
            self._print_json(shown)
        else:
            self._print(campaign_output.details_table(shown, given.campaign), campaign_output.history_table(shown))

    def stats(self, given: Namespace) -> None:
        figures = report(given.campaign)
        if given.json:
            self._print_json(campaign_output.report_data(given.campaign, figures))
        else:
            links = [campaign_output.links_table(figures)] if figures.links else []
            self._print(campaign_output.report_table(figures), *links)

    def upcoming(self, given: Namespace) -> None:
        found = schedule_output.upcoming(given)
        if given.json:
            self._print_json([schedule_output.entry_data(entry) for entry in found])
        elif found:
            self._print(schedule_output.upcoming_table(found))
        else:
            self.stdout.write(f"Nothing goes out within {given.days} days.")

    # --- moving --------------------------------------------------------------------------------------------------

    def submit(self, given: Namespace) -> None:
        self._answer(given, lifecycle.submit(given.campaign, by=given.by, schedule=_schedule(given)))

    def schedule(self, given: Namespace) -> None:
        self._answer(given, lifecycle.schedule(given.campaign, by=given.by, schedule=_schedule(given)))

    def approve(self, given: Namespace) -> None:
        self._answer(given, lifecycle.approve(given.campaign, by=given.by, reason=given.reason))

    def reject(self, given: Namespace) -> None:
        self._answer(given, lifecycle.reject(given.campaign, by=given.by, reason=given.reason))

    def send(self, given: Namespace) -> None:
        self._answer(given, lifecycle.send_now(given.campaign, by=given.by))

    def pause(self, given: Namespace) -> None:
        self._answer(given, lifecycle.pause(given.campaign, by=given.by, reason=given.reason))

    def resume(self, given: Namespace) -> None:
        self._answer(given, lifecycle.resume(given.campaign, by=given.by))

    def cancel(self, given: Namespace) -> None:
        self._answer(given, lifecycle.cancel(given.campaign, by=given.by, reason=given.reason))

    def copy(self, given: Namespace) -> None:
        self._answer(given, drafts.copy(given.campaign, by=given.by, name=given.name))

    def retry_failed(self, given: Namespace) -> None:
        self._answer(given, lifecycle.retry_failed(given.campaign, by=given.by))

    # --- several contents ----------------------------------------------------------------------------------------

    def variants(self, given: Namespace) -> None:
        if given.contents:
            variants.set_variants(given.campaign, split_test_output.contents(given), by=given.by)
        shown = split_test_output.variants_data(given.campaign)
        if given.json:
            self._print_json(shown)
        else:
            self._print(split_test_output.variants_table(shown))

    def split_test(self, given: Namespace) -> None:
        split_test_output.act(given)
        race = standings.of(given.campaign)
        if given.json:
            self._print_json(split_test_output.race_data(race))
        elif race is None:
            self.stdout.write("All variants go to everybody at once: there is no split test.")
        else:
            self._print(*split_test_output.race_tables(race))

    # --- when, and once more -------------------------------------------------------------------------------------

    def send_time(self, given: Namespace) -> None:
        send_time_output.change(given)
        if given.json:
            self._print_json(send_time_output.send_time_data(given.campaign))
        else:
            self._print(send_time_output.zones_table(send_time_output.zones_of(given.campaign)))

    def auto_resend(self, given: Namespace) -> None:
        send_time_output.plan(given)
        shown = send_time_output.resend_data(given.campaign)
        if given.json:
            self._print_json(shown)
        elif shown is None:
            self.stdout.write("It does not go out once more.")
        else:
            self._print(send_time_output.resend_table(shown))

    # --- answering -----------------------------------------------------------------------------------------------

    def _answer(self, given: Namespace, campaign: Campaign) -> None:
        if given.json:
            self._print_json(campaign_output.as_data(campaign))
            return
        about = [f"{campaign.public_id} is {campaign_output.state_text(campaign)}."]
        about += [campaign.status_reason] if campaign.status_reason else []
        self.stdout.write(" ".join(about))

    def _print(self, *tables: RenderableType) -> None:
        width = None if self.stdout.isatty() else WIDTH
        console = Console(file=self.stdout, width=width, markup=False, emoji=False, highlight=False)  # type: ignore[arg-type]
        for table in tables:
            console.print(table)

    def _print_json(self, data: Any) -> None:
        self.stdout.write(json.dumps(data, indent=2, ensure_ascii=False))


# --- what can be asked for ---------------------------------------------------------------------------------------


def _filters(parser: ArgumentParser) -> None:
    parser.add_argument("--state", nargs="+", choices=State.values, default=[], metavar="STATE")
    parser.add_argument("--paused", action="store_true", help="only those that are paused")
    parser.add_argument("--channel", choices=Channel.values)
    parser.add_argument("--search", default="", metavar="KEYWORD", help="a part of the name")
    parser.add_argument("--tag", nargs="+", default=[], metavar="TAG", help="with any of these tags")
    parser.add_argument("--organization", metavar="SLUG", help="slug or org_…")
    parser.add_argument("--since", type=_moment, metavar="DATE", help="from this day or time (UTC) on")
    parser.add_argument("--until", type=_moment, metavar="DATE", help="before this day or time (UTC)")
    parser.add_argument("--date", choices=DATES, default="created_at", help="which date --since and --until mean")
    parser.add_argument("--limit", type=int, default=50)


def _time(parser: ArgumentParser) -> None:
    parser.add_argument("--at", type=_moment, metavar="TIME", help="such as 2030-03-01T09:00; without it, at once")
    _zone(parser)


def _required_time(parser: ArgumentParser) -> None:
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--at", type=_moment, metavar="TIME", help="such as 2030-03-01T09:00")
    when.add_argument("--cron", metavar="FIELDS", help='again and again, such as "0 9 * * mon,thu"')
    parser.add_argument("--times", type=int, default=0, metavar="N", help="with --cron: how many times; 0 for no end")
    _zone(parser)


def _ahead(parser: ArgumentParser) -> None:
    parser.add_argument("campaign_id", nargs="?", metavar="ID", help="cmp_… or the number; all you see without it")
    parser.add_argument("--days", type=int, default=30, choices=range(1, 367), metavar="DAYS", help="how far ahead")
    parser.add_argument("--limit", type=int, default=100)


def _zone(parser: ArgumentParser) -> None:
    parser.add_argument("--tz", default="", metavar="ZONE", help="such as Europe/Berlin; the organization's otherwise")


def _reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="kept in the history")


def _contents(parser: ArgumentParser) -> None:
    parser.add_argument("--email", nargs="+", dest="contents", metavar="ID[:WEIGHT]", help="by eml_…, in order")


def _split_test(parser: ArgumentParser) -> None:
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--plan", nargs="*", metavar="SETTING=VALUE", help=f"any of {', '.join(planning.SETTINGS)}")
    acts.add_argument("--drop", action="store_true", help="all variants go to everybody at once")
    acts.add_argument("--decide", action="store_true", help="end the wait and do what the figures so far say")
    acts.add_argument("--choose", metavar="VARIANT", help="send this one to the rest, such as B; needs --reason")
    parser.add_argument("--reason", default="", help="why this one; kept in the history")


def _send_time(parser: ArgumentParser) -> None:
    parser.add_argument("--local-time", action=BooleanOptionalAction, help="in each person's own time of day")
    parser.add_argument("--expires-after", type=int, metavar="HOURS", help="skip who was not sent to by then; 0: never")
    parser.add_argument("--expires-at", metavar="TIME", help="the same by a moment, such as 2030-03-01T09:00, or never")


def _auto_resend(parser: ArgumentParser) -> None:
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--plan", nargs="+", metavar="SETTING=VALUE", help="any of wait_days, subject, preheader")
    acts.add_argument("--drop", action="store_true", help="do not send it once more")


def _required_reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="what the author should change")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="of the copy")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _found(given: Namespace) -> Any:
    campaigns = Campaign.objects.kept().visible_to(given.user).search(given.search)
    campaigns = campaigns.between(_utc(given.since), _utc(given.until), date=given.date)
    if given.state:
        campaigns = campaigns.in_state(*given.state)
    if given.paused:
        campaigns = campaigns.filter(paused=True)
    if given.channel:
        campaigns = campaigns.filter(channel=given.channel)
    if given.tag:
        campaigns = campaigns.tagged(given.tag)
    if given.organization:
        campaigns = campaigns.filter(
            Q(organization__slug=given.organization) | Q(organization__public_id=given.organization)
        )
    return campaigns


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and is_naive(moment) else moment


def _user(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user called {username}.")
    return user


def _campaign(reference: str, user: User) -> Campaign:
    is_number = reference.isdecimal() and len(reference) < 19  # what a bigint holds
    named = Q(pk=int(reference)) if is_number else Q(public_id=reference)
    campaign = Campaign.objects.kept().visible_to(user).select_related("organization").filter(named).first()
    if campaign is None:
        raise CommandError(f"There is no campaign {reference} that {user} can see.")
    return campaign


def _schedule(given: Namespace) -> lifecycle.Schedule:
    """The time that was asked for; one without an offset is meant in --tz or the organization's zone."""
    zone = given.tz or given.campaign.organization.timezone
    if getattr(given, "cron", None):
        return schedules.recurring(from_cron(given.cron, max_instances=given.times), zone, after=now())
    if given.at is None:
        return lifecycle.IMMEDIATELY
    schedule = lifecycle.at(_in_zone(given.at, zone), zone)
    if schedule.at is not None and schedule.at <= now():
        raise NotReady({"at": ["That time has passed; use `campaign send` to send now."]})
    return schedule


def _in_zone(moment: datetime, zone: str) -> datetime:
    """Of an hour that comes twice when summer time ends, the first is meant; one that is skipped is refused."""
    if not is_naive(moment):
        return moment
    if zone not in available_timezones():
        raise NotReady({"tz": [f"{zone} is not an IANA time zone, such as Europe/Berlin."]})
    aware = moment.replace(tzinfo=ZoneInfo(zone))
    if aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment:
        raise NotReady({"at": [f"There is no {moment:%H:%M} on that day in {zone}: the clocks go forward."]})
    return aware

"""An organization with many people and a history: the same for the same size, whenever and wherever it is made.

Made by the database from running numbers; what looks random is a hash of such a number. Rows are written without
triggers and with the indexes away, which are made again as they were.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from accounts.models import Organization
from audience import fields
from audience.models import MailingList
from campaigns.models import Campaign, CampaignRun, Variant
from content.models import Email

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TOWNS = ("Ulm", "Köln", "Graz", "Bern", "Basel", "Hamburg", "Lübeck", "Linz", "Zürich", "Potsdam")
# How many of all people are on each list, and how many each campaign went to.
ON_LIST = (0.6, 0.5, 0.3)
SENT_TO = 0.3
SLUG = "benchmark"


@dataclass(frozen=True)
class Size:
    people: int = 1_000_000
    events: int = 10_000_000
    campaigns: int = 20


@dataclass(frozen=True)
class World:
    organization: Organization
    lists: list[MailingList]
    campaigns: list[Campaign]


def found() -> World:
    """The world that is there."""
    organization = Organization.objects.get(slug=SLUG)
    campaigns = list(Campaign.objects.of(organization).filter(name__startswith="Week").order_by("pk"))
    return World(organization, list(MailingList.objects.of(organization).order_by("pk")[: len(ON_LIST)]), campaigns)


def make(size: Size) -> World:
    world = _make_frame(size)
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(_DICE)
        for table, statements in _filled(world, size).items():
            with _bare(cursor, table):
                for statement, parameters in statements:
                    cursor.execute(statement, parameters)
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute("RESET work_mem")
        cursor.execute("VACUUM ANALYZE")
    return world


def _make_frame(size: Size) -> World:
    organization = Organization.objects.create(name="Benchmark", slug=SLUG, timezone="Europe/Berlin")
    lists = [MailingList.objects.create(organization=organization, name=f"List {number}") for number in range(3)]
    for key, kind, choices in (
        ("town", "text", ()),
        ("age", "number", ()),
        ("born", "date", ()),
        ("vip", "boolean", ()),
        ("size", "choice", ("S", "M", "L")),
    ):
        fields.create(organization, key=key, name=key.capitalize(), kind=kind, choices=list(choices))
    campaigns = []
    for week in range(size.campaigns):
        at = NOW - timedelta(weeks=size.campaigns - week)
        email = _email(organization, f"Week {week}")
        campaign = Campaign.objects.create(organization=organization, name=f"Week {week}", started_at=at)
        Variant.objects.create(campaign=campaign, email=email)
        CampaignRun.objects.create(campaign=campaign, started_at=at, frozen_at=at, finished_at=at)
        campaigns.append(campaign)
    return World(organization, lists, campaigns)


def _email(organization: Organization, title: str) -> Email:
    html = "<p>Good morning, <a href='https://example.com/story/1'>read on</a>. {{ unsubscribe_url }}</p>"
    return Email.objects.create(
        organization=organization, title=title, subject="News", from_email="news@benchmark.example", html=html
    )


_DICE = """
CREATE OR REPLACE FUNCTION dice(number bigint, seed bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(number, seed) & 4503599627370495) / 4503599627370496.0
"""
_PEOPLE = """
INSERT INTO audience_subscriber (public_id, organization_id, email, phone, fields, created_at, modified_at)
SELECT 'sub_' || substr(md5(n::text), 1, 20), %(organization)s, 'reader' || n || '@d' || n %% 1000 || '.example',
       CASE WHEN dice(n, 1) < 0.2 THEN '+49' || 3000000000 + n ELSE '' END,
       jsonb_strip_nulls(jsonb_build_object(
           'town', CASE WHEN dice(n, 2) < 0.9 THEN (%(towns)s::text[])[1 + floor(10 * dice(n, 3) ^ 2)::int] END,
           'age', CASE WHEN dice(n, 4) < 0.7 THEN 18 + floor(60 * dice(n, 5)) END,
           'born', CASE WHEN dice(n, 4) < 0.7 THEN date '2008-01-01' - floor(22000 * dice(n, 5))::int END,
           'vip', CASE WHEN dice(n, 6) < 0.5 THEN dice(n, 7) < 0.1 END,
           'size', CASE WHEN dice(n, 8) < 0.6 THEN ('{S,M,L}'::text[])[1 + floor(3 * dice(n, 9))::int] END)),
       at, at
FROM (SELECT n, %(now)s::timestamptz - (1 - n / %(people)s::float) * interval '3 years' AS at
      FROM generate_series(1, %(people)s::bigint) AS n) AS numbered
"""
_SUBSCRIPTIONS = """
INSERT INTO audience_subscription
    (mailing_list_id, subscriber_id, status, source, ip_address, subscribed_at, unsubscribed_at, unsubscribe_source,
     fields, created_at, modified_at)
SELECT %(mailing_list)s, id, status, 'import', ('198.51.' || id %% 256 || '.' || id %% 199)::inet, created_at,
       CASE WHEN status = 'unsubscribed' THEN %(now)s::timestamptz END,
       CASE WHEN status = 'unsubscribed' THEN 'page' ELSE '' END, '{}', created_at, created_at
FROM (SELECT id, created_at, CASE WHEN dice(id, 20 + %(mailing_list)s) < 0.85 THEN 'subscribed'
                                  WHEN dice(id, 20 + %(mailing_list)s) < 0.93 THEN 'unsubscribed'
                                  WHEN dice(id, 20 + %(mailing_list)s) < 0.97 THEN 'bounced'
                                  WHEN dice(id, 20 + %(mailing_list)s) < 0.98 THEN 'complained'
                                  ELSE 'unconfirmed' END AS status
      FROM audience_subscriber WHERE dice(id, 10 + %(mailing_list)s) < %(share)s) AS chosen
"""
_RECIPIENTS = """
INSERT INTO delivery_recipient
    (run_id, subscriber_id, variant_id, address, state, skip_reason, attempts, claim, reply_text, settled_at)
SELECT %(run)s, id, %(variant)s, email, state, CASE WHEN state = 'skipped' THEN 'suppressed' ELSE '' END, 1, 1, '',
       %(at)s::timestamptz + dice(id, 31) * interval '1 hour'
FROM (SELECT id, email, CASE WHEN dice(id, 30 + %(run)s) < 0.96 THEN 'sent'
                             WHEN dice(id, 30 + %(run)s) < 0.98 THEN 'skipped' ELSE 'failed' END AS state
      FROM audience_subscriber WHERE dice(id, 50 + %(run)s) < %(share)s ORDER BY id) AS chosen
"""
# Some people do much and most do little: the square of the dice, scattered over the run by a large prime.
_EVENTS = """
INSERT INTO stats_event
    (run_id, recipient_id, subscriber_id, kind, at, link_position, url, ip_address, user_agent, data, agent,
     agent_reason, rules_version)
SELECT %(run)s, recipient.id, recipient.subscriber_id, kind,
       %(at)s::timestamptz + dice(n, 72) ^ 4 * interval '14 days' AS at, position,
       CASE WHEN position > 0 THEN 'https://example.com/story/' || position ELSE '' END,
       ('198.51.' || n %% 256 || '.' || n %% 199)::inet, 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15', '{}',
       'human', '', 0
FROM (SELECT n, kind, CASE WHEN kind = 'clicked' THEN 1 + floor(12 * dice(n, 74))::int ELSE 0 END AS position
      FROM (SELECT n, CASE WHEN dice(n, 73) < 0.70 THEN 'opened' WHEN dice(n, 73) < 0.95 THEN 'clicked'
                           WHEN dice(n, 73) < 0.96 THEN 'viewed' WHEN dice(n, 73) < 0.97 THEN 'unsubscribed'
                           WHEN dice(n, 73) < 0.995 THEN 'bounced' ELSE 'complained' END AS kind
            FROM generate_series(%(first_event)s::bigint, %(last_event)s::bigint) AS n) AS rolled) AS placed
JOIN delivery_recipient AS recipient
    ON recipient.id = %(first)s + (floor(%(recipients)s * dice(n, 71) ^ 2)::bigint * 15485863) %% %(recipients)s
ORDER BY at
"""
# Everybody is a person here: what people did is what was done.
_ENGAGEMENTS = """
INSERT INTO stats_engagement
    (recipient_id, run_id, subscriber_id, read_at, opened_at, opens, clicked_at, clicks, last_clicked_at, viewed_at,
     human_read_at, human_opened_at, human_opens, human_clicked_at, human_clicks, human_viewed_at, privacy_opens,
     unsubscribed_at, bounced_at, bounce_type, complained_at, forwards, conversions, revenue_cents)
SELECT recipient_id, run_id, subscriber_id, read_at, opened_at, opens, clicked_at, clicks, last_clicked_at, viewed_at,
       read_at, opened_at, opens, clicked_at, clicks, viewed_at, 0,
       unsubscribed_at, bounced_at, CASE WHEN bounced_at IS NULL THEN '' ELSE 'hard' END, complained_at, 0, 0, 0
FROM (SELECT recipient_id, min(run_id) AS run_id, min(subscriber_id) AS subscriber_id,
             min(at) FILTER (WHERE kind IN ('opened', 'clicked', 'viewed')) AS read_at,
             min(at) FILTER (WHERE kind = 'opened') AS opened_at, count(*) FILTER (WHERE kind = 'opened') AS opens,
             min(at) FILTER (WHERE kind = 'clicked') AS clicked_at, count(*) FILTER (WHERE kind = 'clicked') AS clicks,
             max(at) FILTER (WHERE kind = 'clicked') AS last_clicked_at,
             min(at) FILTER (WHERE kind = 'viewed') AS viewed_at,
             min(at) FILTER (WHERE kind = 'unsubscribed') AS unsubscribed_at,
             min(at) FILTER (WHERE kind = 'bounced') AS bounced_at,
             min(at) FILTER (WHERE kind = 'complained') AS complained_at
      FROM stats_event GROUP BY recipient_id) AS done
"""
_LINKS = """
INSERT INTO stats_clickedlink (recipient_id, link_position, clicked_at, clicks, human_clicks)
SELECT recipient_id, link_position, min(at), count(*), count(*)
FROM stats_event WHERE kind = 'clicked' GROUP BY recipient_id, link_position
"""


def _filled(world: World, size: Size) -> dict[str, Iterator[tuple[str, dict[str, object]]]]:
    """Statements by the table they fill, to be run in this order."""
    people = {"organization": world.organization.pk, "towns": list(TOWNS), "people": size.people, "now": NOW}
    return {
        "audience_subscriber": iter([(_PEOPLE, people)]),
        "audience_subscription": (
            (_SUBSCRIPTIONS, {"mailing_list": each.pk, "share": share, "now": NOW})
            for each, share in zip(world.lists, ON_LIST, strict=True)
        ),
        "delivery_recipient": ((_RECIPIENTS, _run(campaign) | {"share": SENT_TO}) for campaign in world.campaigns),
        "stats_event": (
            (_EVENTS, _run(campaign) | _share_of_events(campaign, number, size))
            for number, campaign in enumerate(world.campaigns)
        ),
        "stats_engagement": iter([(_ENGAGEMENTS, {})]),
        "stats_clickedlink": iter([(_LINKS, {})]),
    }


def _run(campaign: Campaign) -> dict[str, object]:
    run = campaign.runs.get()
    return {"run": run.pk, "at": run.started_at, "variant": campaign.variants.get().pk}


def _share_of_events(campaign: Campaign, number: int, size: Size) -> dict[str, object]:
    recipients = campaign.runs.get().recipients.order_by("pk")
    each = size.events // size.campaigns
    bounds = {"first_event": number * each + 1, "last_event": (number + 1) * each}
    return bounds | {"first": recipients.values_list("pk", flat=True)[0], "recipients": recipients.count()}


@contextmanager
def _bare(cursor, table: str) -> Iterator[None]:
    """The table without triggers and without the indexes that no constraint needs."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)",
        [table],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute("SET session_replication_role = replica")
    yield
    cursor.execute("RESET session_replication_role")
    for _, definition in indexes:
        cursor.execute(definition.replace(" ON ONLY ", " ON "))  # of a table by months, the months' own, too
    cursor.execute(f"ANALYZE {table}")

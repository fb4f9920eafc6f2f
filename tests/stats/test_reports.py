from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.approval import EMAIL_FIELDS
from campaigns.models import CampaignRun, ContentSnapshot, Variant
from delivery.models import Recipient
from stats import listings, outcomes, reports
from stats.figures import Figures, Results
from stats.ingest import ingest
from stats.models import Counter, OutcomeCount
from tests.factories import EditionFactory, EmailFactory, draft_campaign
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db
SCANNER, PROXY = "curl/8.5.0", "Mozilla/5.0"


def send_back(*hits):
    for each in hits:
        spool.append(each)
    ingest()


def with_content(run):
    """The run with the snapshot of what it said."""
    for variant in run.campaign.variants.select_related("email"):
        values = {name: getattr(variant.email, name) for name in EMAIL_FIELDS} if variant.email else {}
        ContentSnapshot.objects.create(run=run, variant=variant, sms_body=variant.sms_body, **values)
    return run


def test_a_draft_has_a_report_of_zeros():
    report = reports.report(draft_campaign())

    assert report.figures == Figures()
    assert (report.timeline.points, report.links, report.skip_reasons) == ([], [], {})
    assert set(report.outcomes.values()) == {0}


def test_the_figures_of_a_sent_campaign():
    run = a_run(people=10)
    CampaignRun.objects.filter(pk=run.pk).update(planned=15, sent=10, failed=2, skipped=1, in_doubt=1)
    run.campaign.total_recipients = 14
    first, second, third, fourth, *_ = run.recipients.all()
    send_back(
        hit(first),
        hit(first),
        hit(second),
        click(second),
        click(third),
        hit(fourth, HitKind.BOUNCED),
        hit(third, HitKind.UNSUBSCRIBED),
        hit(second, HitKind.COMPLAINED),
        hit(first, HitKind.VIEWED),
    )

    report = reports.report(run.campaign)

    figures = report.figures
    assert (figures.total_recipients, figures.planned, figures.pending) == (14, 15, 1)
    assert (figures.sent, figures.failed, figures.skipped, figures.in_doubt) == (10, 2, 1, 1)
    assert (figures.bounced, figures.delivered) == (1, 9)
    assert (figures.opened, figures.opens) == (3, 4)  # the third clicked without an open
    assert (figures.pixel_opened, figures.pixel_opens) == (2, 3)
    assert (figures.clicked, figures.clicks) == (2, 2)
    assert (figures.viewed, figures.unsubscribed, figures.complained) == (1, 1, 1)
    assert (figures.delivery_rate, figures.open_rate, figures.click_rate) == (0.9, 0.3333, 0.2222)
    assert (figures.unsubscribe_rate, figures.click_to_open_rate) == (0.1111, 0.6667)
    assert report.outcomes == {"sent": 10, "failed": 2, "skipped": 1, "in_doubt": 1, "pending": 1}


def test_runs_of_a_recurring_campaign_add_up():
    campaign = draft_campaign(people=0)
    runs = [a_run(people=3, campaign=campaign, number=number) for number in (1, 2)]
    send_back(*[hit(run.recipients.first()) for run in runs])

    assert (reports.report(campaign).figures.sent, reports.report(campaign).figures.opened) == (6, 2)


def test_sms_has_no_opens():
    run = a_run(people=2, channel="sms")
    send_back(click(run.recipients.first()))

    figures = reports.report(run.campaign).figures

    assert (figures.delivered, figures.delivery_rate) == (2, 1.0)
    assert (figures.opened, figures.opens, figures.open_rate, figures.click_to_open_rate) == (0, 0, 0.0, 0.0)
    assert (figures.clicked, figures.click_rate) == (1, 0.5)
    assert [point.opens for point in reports.report(run.campaign).timeline.points] == [0]


def test_opens_and_clicks_over_time():
    run = a_run()
    first, second, _ = run.recipients.all()
    send_back(hit(first, minutes=5), hit(first, minutes=65), click(second, minutes=130))

    timeline = reports.report(run.campaign).timeline

    assert [(point.at - NINE) // timedelta(hours=1) for point in timeline.points] == [0, 1, 2]
    assert [(point.opens, point.opened) for point in timeline.points] == [(1, 1), (1, 0), (1, 1)]
    assert [(point.clicks, point.clicked) for point in timeline.points] == [(0, 0), (0, 0), (1, 1)]


def test_time_is_told_where_the_edition_is():
    campaign = draft_campaign(people=0)
    campaign.edition = EditionFactory(organization=campaign.organization, timezone="Asia/Tokyo")
    run = a_run(campaign=campaign)
    send_back(hit(run.recipients.first()))

    [point] = reports.report(campaign).timeline.points

    assert point.at.hour == 18


def test_links_nobody_clicked_are_in_the_table():
    email_html = "<a href='https://example.com/1'>one</a> <a href='https://example.com/2'>two</a>"
    campaign = draft_campaign(people=0)
    campaign.variants.get().email.__class__.objects.update(html=email_html + "{{ unsubscribe_url }}")
    run = with_content(a_run(campaign=campaign))
    first, second, _ = run.recipients.all()
    send_back(click(first, 2), click(first, 2), click(second, 2))

    rows = reports.report(campaign).links

    assert [(row.position, row.url, row.clicks, row.clicked) for row in rows] == [
        (2, "https://example.com/2", 3, 2),
        (1, "https://example.com/1", 0, 0),
    ]


def test_a_personal_link_is_shown_as_its_author_wrote_it():
    campaign = draft_campaign(people=0)
    url = "https://example.com/hello?to={{ email }}"
    campaign.variants.get().email.__class__.objects.update(html=f"<a href='{url}'>x</a>")
    run = with_content(a_run(campaign=campaign))
    send_back(click(run.recipients.first(), 1, url="https://example.com/hello?to=reader"))

    [row] = reports.report(campaign).links

    assert (row.url, row.clicks) == (url, 1)


def test_first_clicks_add_up_to_the_people_who_clicked():
    run = a_run()
    first, second, _ = run.recipients.all()
    send_back(click(first, 1), click(first, 2, minutes=1), click(second, 2))

    report = reports.report(run.campaign)

    assert sum(row.clicked_first for row in report.links) == report.figures.clicked == 2
    assert sum(row.clicked for row in report.links) == 3
    assert sum(row.clicks for row in report.links) == report.figures.clicks == 3


def test_variants_are_told_apart():
    campaign = draft_campaign(people=0)
    other = Variant.objects.create(
        campaign=campaign, position=1, name="B", email=EmailFactory(organization=campaign.organization)
    )
    run = a_run(people=5, campaign=campaign)
    last = list(run.recipients.all())[-2:]
    Recipient.objects.filter(pk__in=[each.pk for each in last]).update(variant=other)
    Recipient.objects.filter(pk=last[0].pk).update(state="failed")
    CampaignRun.objects.filter(pk=run.pk).update(sent=4, failed=1)
    send_back(hit(last[1]), hit(run.recipients.first()))

    a, b = reports.report(campaign).variants

    assert (a.variant.name, a.figures.sent, a.figures.failed, a.figures.opened) == ("A", 3, 0, 1)
    assert (b.variant.name, b.figures.sent, b.figures.failed, b.figures.opened) == ("B", 1, 1, 1)
    assert b.figures.open_rate == 1.0


def test_a_plain_campaigns_only_variant_is_the_whole():
    run = a_run()
    send_back(hit(run.recipients.first()))

    report = reports.report(run.campaign)

    assert [row.figures for row in report.variants] == [report.figures]


def test_reasons_of_skipping_are_counted():
    run = a_run(people=4)
    for recipient, reason in zip(run.recipients.all(), ["suppressed", "unsubscribed", "suppressed"], strict=False):
        Recipient.objects.filter(pk=recipient.pk).update(state="skipped", skip_reason=reason)

    assert list(reports.report(run.campaign).skip_reasons.items()) == [("suppressed", 2), ("unsubscribed", 1)]


def test_list_pages_get_the_same_figures_as_reports():
    runs = [a_run(people=number) for number in (1, 2, 3)]
    draft = draft_campaign()
    for run in runs:
        send_back(hit(run.recipients.first()), click(run.recipients.last()))

    found = listings.for_campaigns([*[run.campaign_id for run in runs], draft.pk])

    shown = {run.campaign_id: reports.report(run.campaign) for run in runs}
    assert found == {pk: Results(figures=each.figures, raw=each.raw) for pk, each in shown.items()}


def test_a_list_of_many_campaigns_costs_as_many_queries_as_one(django_assert_num_queries):
    ids = [a_run(people=1).campaign_id for _ in range(4)]

    with django_assert_num_queries(3):
        listings.for_campaigns(ids[:1])
    with django_assert_num_queries(3):
        listings.for_campaigns(ids)


def test_a_report_reads_no_events_and_a_constant_number_of_rows():
    def cost(hits_each):
        run = with_content(a_run(people=6))
        for recipient in run.recipients.all():
            send_back(*[hit(recipient, minutes=minute) for minute in range(hits_each)], click(recipient))
        run.campaign.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            reports.report(run.campaign)
        assert not any("stats_event" in query["sql"] for query in queries)
        return len(queries), Counter.objects.filter(run=run).count()

    assert cost(1) == cost(20)


def test_programs_count_in_the_raw_figures_alone():
    run = with_content(a_run(people=4))
    reader, scanned, proxied, _ = run.recipients.all()
    send_back(
        hit(reader),
        click(reader, 1, minutes=1),
        *[click(scanned, position, user_agent=SCANNER) for position in (1, 2)],
        hit(scanned, user_agent=SCANNER),
        hit(proxied, user_agent=PROXY),
    )

    report = reports.report(run.campaign)

    people, raw = report.figures, report.raw
    assert (people.opened, people.opens, people.clicked, people.clicks) == (1, 1, 1, 1)
    assert (raw.opened, raw.opens, raw.clicked, raw.clicks) == (3, 4, 2, 3)  # the scanner clicked, then opened
    assert (people.privacy_opened, raw.privacy_opened) == (1, 1)
    assert (people.open_rate, raw.open_rate, people.click_rate, raw.click_rate) == (0.25, 0.75, 0.25, 0.5)
    assert {row.position: (row.clicked, row.raw_clicked) for row in report.links} == {1: (1, 2), 2: (0, 1)}
    assert (report.timeline.points[0].opened, report.timeline.points[0].raw_opened) == (1, 3)
    [domain] = report.domains
    assert (domain.figures.opened, domain.raw.opened, domain.figures.sent) == (1, 3, 4)


def test_all_that_is_not_made_by_programs_is_the_same_in_both():
    run = a_run(people=3)
    one, two, three = run.recipients.all()
    send_back(
        hit(one, HitKind.BOUNCED, data={"type": "soft", "code": "20"}),
        hit(two, HitKind.FORWARDED),
        hit(two, HitKind.FORWARDED, minutes=1),
        hit(two, HitKind.CONVERTED, data={"cents": 250}),
        hit(three, HitKind.CONVERTED, data={"cents": 100}),
        hit(three, HitKind.COMPLAINED),
    )

    report = reports.report(run.campaign)

    for figures in (report.figures, report.raw):
        assert (figures.bounced, figures.bounced_soft, figures.bounced_hard, figures.bounces) == (1, 1, 0, 1)
        assert (figures.forwarded, figures.forwards) == (1, 2)
        assert (figures.converted, figures.conversions, figures.revenue_cents) == (2, 2, 350)
        assert (figures.soft_bounce_rate, figures.conversion_rate) == (0.3333, 1.0)
    assert report.bounce_codes == {"20": 1}


def test_receipts_say_what_arrived_of_a_text_message():
    run = a_run(people=3, channel="sms")
    send_back(hit(run.recipients.first(), HitKind.DELIVERED))

    figures = reports.report(run.campaign).figures

    assert (figures.sent, figures.receipts, figures.delivered, figures.delivery_rate) == (3, 1, 1, 0.3333)


def test_programs_and_devices_add_up_to_the_figures():
    phone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
    )
    run = a_run(people=3)
    one, two, three = run.recipients.all()
    send_back(hit(one), hit(one, user_agent=phone, minutes=1), hit(two, user_agent=phone), click(three))

    report = reports.report(run.campaign)

    for rows in (report.clients, report.devices):
        assert sum(row.figures.opened for row in rows) == sum(row.raw.opened for row in rows) == 3
        assert sum(row.figures.opens for row in rows) == report.figures.opens == 4
        assert sum(row.figures.clicked for row in rows) == 1
    assert {row.name: row.figures.opened for row in report.devices} == {"desktop": 2, "phone": 1}


def test_a_report_is_told_when_its_outcomes_were_counted(monkeypatch):
    run = a_run(people=3)
    outcomes.refresh_stale()
    assert reports.report(run.campaign).counted_at is None

    monkeypatch.setattr(outcomes, "SMALL", 2)
    CampaignRun.objects.filter(pk=run.pk).update(sent=2)

    assert reports.report(run.campaign).counted_at == OutcomeCount.objects.get().counted_at


def test_a_report_reads_no_recipients_however_many_there_are():
    def cost(people):
        run = with_content(a_run(people=people))
        send_back(hit(run.recipients.first()))
        outcomes.refresh(run.pk)
        run.campaign.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            reports.report(run.campaign)
        tables = ("delivery_recipient", "stats_event", "stats_engagement", "stats_clickedlink")
        assert [query["sql"] for query in queries if any(f'"{table}"' in query["sql"] for table in tables)] == []
        return len(queries)

    assert cost(2) == cost(60) <= 24

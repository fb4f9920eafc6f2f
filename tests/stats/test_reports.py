from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.approval import EMAIL_FIELDS
from campaigns.models import CampaignRun, ContentSnapshot, Variant
from delivery.models import Recipient
from stats import listings, reports
from stats.figures import Figures, Results
from stats.ingest import ingest
from stats.models import Counter
from tests.factories import EditionFactory, EmailFactory, draft_campaign
from tests.stats.populations import NINE, a_run, click, hit
from tracking import spool
from tracking.spool import HitKind

pytestmark = pytest.mark.django_db


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

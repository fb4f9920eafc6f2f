"""What a campaign would do, and what became of it."""

from datetime import UTC, datetime

import pytest
from django.utils.timezone import now

from audience.models import Suppression
from campaigns import lifecycle
from campaigns.drafts import Part
from campaigns.models import Campaign
from content.models import Email
from delivery.freeze import freeze
from delivery.models import Batch
from stats.figures import DEFINITIONS
from stats.models import Breakdown, ClickedLink, Counter, Engagement
from tests.api.management.conftest import ROOT
from tests.factories import SubscriberFactory, SubscriptionFactory, draft_campaign, staff

MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def address(campaign, what):
    return f"{ROOT}campaigns/{campaign.public_id}/{what}/"


# --- estimate ----------------------------------------------------------------------------------------------------


def test_an_estimate_counts_who_would_get_it_and_what_keeps_the_others_out(api, organization):
    campaign = draft_campaign(organization, people=3)
    mailing_list = campaign.audience.get().mailing_list
    SubscriptionFactory(mailing_list=mailing_list, status="bounced")
    suppressed = SubscriptionFactory(mailing_list=mailing_list).subscriber
    Suppression.objects.create(organization=organization, kind="email", value=suppressed.email)

    response = api.get(address(campaign, "estimate"))

    assert response.status_code == 200
    assert response.json() == {
        "user_count": 5,
        "total_recipients": 3,
        "skipped": {"bounced": 1, "suppressed": 1},
        "excluded": 0,
    }


def test_an_estimate_counts_the_excluded_and_the_capped(api, organization):
    earlier = draft_campaign(organization, people=2)
    lifecycle.send_now(earlier, by=staff(organization))
    freeze(earlier)
    readers = earlier.audience.get().mailing_list
    left_out = SubscriptionFactory(mailing_list=readers).subscriber
    without = SubscriptionFactory(mailing_list__organization=organization, subscriber=left_out).mailing_list
    parts = [Part(mailing_list=readers), Part(mailing_list=without, excluded=True)]
    campaign = draft_campaign(organization, audience=parts, frequency_cap_hours=24)

    counted = api.get(address(campaign, "estimate")).json()

    assert counted == {"user_count": 2, "total_recipients": 0, "skipped": {"capped": 2}, "excluded": 1}


def test_without_an_audience_nobody_would_get_it(api, organization):
    campaign = draft_campaign(organization, audience=[])

    assert api.get(address(campaign, "estimate")).json() == {
        "user_count": 0,
        "total_recipients": 0,
        "skipped": {},
        "excluded": 0,
    }


def test_an_estimate_asks_for_the_channels_address(api, organization):
    campaign = draft_campaign(organization, channel="sms", people=2)

    assert api.get(address(campaign, "estimate")).json()["skipped"] == {"no_address": 2}


# --- preview -----------------------------------------------------------------------------------------------------


def test_a_preview_shows_what_one_person_would_see(walked, viewer_api, organization):
    organization.custom_fields.create(key="first_name", name="First name")
    campaign = walked("draft")
    person = SubscriberFactory(organization=organization, fields={"first_name": "Åsa"})

    named = viewer_api.post(address(campaign, "preview"), {"subscriber_id": person.public_id}).json()
    nobody = viewer_api.post(address(campaign, "preview")).json()

    assert (named["subject"], named["from_name"], named["sms"]) == ("Good morning", "Morning Post", None)
    assert "Hello Åsa" in named["html"]
    assert "Åsa" in named["text"]
    assert "Hello reader" in nobody["html"]


def test_a_preview_says_what_preflight_says(walked, api):
    campaign = walked("draft")
    Email.objects.update(subject="")

    findings = api.post(address(campaign, "preview")).json()["findings"]

    assert {(each["field"], each["blocks"]) for each in findings} >= {("email_message_id", True)}
    assert any("subject" in each["message"] for each in findings)


def test_a_preview_of_an_sms_counts_its_parts(api, organization):
    campaign = draft_campaign(organization, channel="sms", sms_body="x" * 161)

    shown = api.post(address(campaign, "preview")).json()

    assert shown["text"] == "x" * 161
    assert shown["sms"] == {"encoding": "GSM-7", "units": 161, "parts": 2}


def test_nothing_to_show_yet_is_an_empty_preview(api, organization):
    shown = api.post(address(draft_campaign(organization, email=None), "preview")).json()

    assert (shown["subject"], shown["html"], shown["text"]) == ("", "", "")


def test_a_broken_template_is_refused_with_what_is_wrong(walked, api):
    campaign = walked("draft")
    Email.objects.update(html="<p>{{ first_name </p>")

    response = api.post(address(campaign, "preview"))

    assert response.status_code == 400
    (message,) = response.json().values()
    assert message[0]


def test_nobody_elses_person_is_shown(walked, api, organization, charlie):
    stranger = SubscriberFactory(organization=charlie.memberships.get().organization)

    response = api.post(address(walked("draft"), "preview"), {"subscriber_id": stranger.public_id})

    assert response.status_code == 400
    assert list(response.json()) == ["subscriber_id"]


# --- recipients --------------------------------------------------------------------------------------------------


@pytest.fixture
def frozen(organization):
    campaign = draft_campaign(organization, people=3)
    SubscriptionFactory(mailing_list=campaign.audience.get().mailing_list, status="bounced")
    lifecycle.send_now(campaign, by=staff(organization, "manager"))
    freeze(campaign)
    return campaign


def test_recipients_are_listed_with_what_became_of_them(api, frozen):
    run = frozen.runs.get()
    first = run.recipients.first()
    run.recipients.filter(pk=first.pk).update(state="failed", reply_code=550, reply_text="No such user", attempts=1)

    body = api.get(address(frozen, "recipients"), {"page_size": 2}).json()

    assert (body["count"], len(body["results"])) == (4, 2)
    assert body["results"][0] == {
        "subscriber_id": first.subscriber.public_id,
        "address": first.address,
        "state": "failed",
        "skip_reason": "",
        "attempts": 1,
        "reply_code": 550,
        "reply_text": "No such user",
        "settled": None,
        "run": 1,
        "variant": "A",
        "opened": None,
        "clicked": None,
        "unsubscribed": None,
        "bounced": None,
        "bounce_type": "",
        "complained": None,
        "viewed": None,
        "forwarded": None,
        "converted": None,
        "revenue_cents": 0,
        "receipt": None,
        "privacy_opened": None,
        "raw_opened": None,
        "raw_clicked": None,
        "raw_viewed": None,
    }


def test_recipients_by_state_and_address(api, frozen):
    (skipped,) = api.get(address(frozen, "recipients"), {"state": "skipped"}).json()["results"]

    assert skipped["skip_reason"] == "bounced"
    (found,) = api.get(address(frozen, "recipients"), {"search": skipped["address"].upper()}).json()["results"]
    assert found == skipped
    assert api.get(address(frozen, "recipients"), {"state": "lost"}).status_code == 400
    assert api.get(address(frozen, "recipients"), {"link": "1000000"}).status_code == 400


def test_recipients_by_what_they_did(api, frozen):
    run = frozen.runs.get()
    first, second, *_ = run.recipients.filter(state="pending")
    run.recipients.filter(pk__in=[first.pk, second.pk]).update(state="sent")
    human = {"human_read_at": MOMENT, "human_clicked_at": MOMENT, "human_clicks": 1}
    Engagement.objects.create(recipient=first, read_at=MOMENT, clicked_at=MOMENT, clicks=1, **human)
    ClickedLink.objects.create(
        recipient=first, link_position=2, clicked_at=MOMENT, clicks=1, human_clicked_at=MOMENT, human_clicks=1
    )
    Engagement.objects.create(recipient=second, read_at=MOMENT, clicked_at=MOMENT, clicks=1, bounce_type="soft")

    def found(**parameters):
        return [each["address"] for each in api.get(address(frozen, "recipients"), parameters).json()["results"]]

    assert found(state="opened") == found(state="clicked") == found(link=2) == [first.address]
    assert found(state="opened", raw="true") == found(state="clicked", raw="true") == [first.address, second.address]
    assert found(state="not_opened") == [second.address]
    assert found(state="not_opened", raw="true") == found(link=1) == []
    assert found(state="opened", domain=first.address.partition("@")[2]) == [first.address]
    assert found(state="opened", domain="elsewhere.example") == []
    (shown, scanned) = api.get(address(frozen, "recipients"), {"state": "opened", "raw": "true"}).json()["results"]
    assert shown["clicked"] == shown["raw_clicked"] == scanned["raw_clicked"] == "2026-05-01T12:00:00Z"
    assert (scanned["clicked"], scanned["opened"], scanned["bounce_type"]) == (None, None, "soft")


def test_a_draft_has_no_recipients_yet(walked, api):
    body = api.get(address(walked("draft"), "recipients")).json()

    assert body == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_page_of_recipients_costs_the_same_however_long_it_is(api, frozen, django_assert_max_num_queries):
    api.get(address(frozen, "recipients"))

    with django_assert_max_num_queries(6):
        api.get(address(frozen, "recipients"))


def test_totals_stand_on_the_campaign(api, frozen):
    frozen.runs.update(sent=2, failed=1)

    shown = api.get(f"{ROOT}campaigns/{frozen.public_id}/").json()

    assert (shown["user_count"], shown["total_recipients"]) == (4, 3)
    assert (shown["sent_count"], shown["failed_count"]) == (2, 1)


# --- statistics --------------------------------------------------------------------------------------------------


def test_a_draft_has_nothing_but_zeros(walked, api):
    response = api.get(address(walked("draft"), "stats"))

    assert response.status_code == 200
    assert list(response.json())[:12] == [
        "total_recipients",
        "sent",
        "failed",
        "delivered",
        "opened",
        "clicked",
        "bounced",
        "unsubscribed",
        "delivery_rate",
        "open_rate",
        "click_rate",
        "unsubscribe_rate",
    ]
    raw = response.json().pop("raw")
    assert set(raw.values()) == {0} == {value for name, value in response.json().items() if name != "raw"}
    assert list(raw) == [name for name, each in DEFINITIONS.items() if each.by_programs]


def counted(run, variant, kind, **columns):
    columns |= {name.replace("unique", "unique_by_link"): columns[name] for name in list(columns) if "unique" in name}
    Counter.objects.create(run=run, variant=variant, kind=kind, hour=MOMENT, **columns)


def test_statistics_are_fractions_with_four_decimals(api, frozen):
    run, variant = frozen.runs.get(), frozen.variants.get()
    frozen.runs.update(sent=3)
    counted(run, variant, "bounced", total=2, unique=1)
    counted(run, variant, "unsubscribed", total=1, unique=1)
    for kind, unique in (("read", 2), ("clicked", 1)):
        counted(run, variant, kind, total=7, unique=3, human_total=5, human_unique=unique)

    shown = api.get(address(frozen, "stats")).json()

    assert (shown["total_recipients"], shown["sent"], shown["failed"], shown["bounced"]) == (3, 3, 0, 1)
    assert (shown["delivered"], shown["opened"], shown["clicked"], shown["unsubscribed"]) == (2, 2, 1, 1)
    rates = [shown[name] for name in ("delivery_rate", "open_rate", "click_rate", "unsubscribe_rate")]
    assert rates == [0.6667, 1.0, 0.5, 0.5]
    assert (shown["raw"]["opened"], shown["raw"]["opens"], shown["raw"]["click_rate"]) == (3, 7, 1.0)
    settled = shown["sent"] + shown["failed"] + shown["skipped"] + shown["in_doubt"] + shown["pending"]
    assert shown["planned"] == settled == 4


def test_links_are_listed_with_their_clicks(api, frozen):
    run, variant = frozen.runs.get(), frozen.variants.get()
    clicks = {"link_position": 1, "url": "https://example.com/story", "total": 5, "unique": 3, "unique_by_link": 4}
    people = {"human_total": 4, "human_unique": 2, "human_unique_by_link": 3}
    Counter.objects.create(run=run, variant=variant, kind="clicked", hour=MOMENT, **clicks, **people)

    (link,) = api.get(address(frozen, "links")).json()

    assert link == {
        "position": 1,
        "url": "https://example.com/story",
        "variant": "A",
        "clicks": 4,
        "clicked": 3,
        "clicked_first": 2,
        "raw_clicks": 5,
        "raw_clicked": 4,
        "raw_clicked_first": 3,
    }


def test_a_campaign_that_was_not_sent_has_no_links_yet(walked, api):
    assert api.get(address(walked("draft"), "links")).json() == []


# --- the whole report ---------------------------------------------------------------------------------------------


def test_a_report_tells_when_with_what_and_where(api, frozen, organization):
    run, variant = frozen.runs.get(), frozen.variants.get()
    organization.timezone = "Asia/Tokyo"
    organization.save()
    counted(run, variant, "read", total=3, unique=2, human_total=1, human_unique=1)
    Breakdown.objects.create(
        run=run, variant=variant, dimension="device", value="phone", kind="read", total=3, unique=2, human_unique=0
    )

    shown = api.get(address(frozen, "report")).json()

    assert (shown["figures"]["opened"], shown["raw"]["opened"]) == (1, 2)
    assert [(day["at"], day["opened"], day["raw_opened"]) for day in shown["days"]] == [
        ("2026-05-01T00:00:00+09:00", 1, 2)
    ]
    assert [(hour["at"], hour["opens"]) for hour in shown["hours"]] == [("2026-05-01T21:00:00+09:00", 1)]
    assert [(row["name"], row["figures"]["planned"]) for row in shown["variants"]] == [("A", 4)]
    assert [(row["name"], row["raw"]["opened"]) for row in shown["devices"]] == [("phone", 2)]
    assert sum(row["figures"]["planned"] for row in shown["domains"]) == 4
    assert (shown["skip_reasons"], shown["counted_at"]) == ({"bounced": 1}, None)
    assert shown["average"] == {"campaigns": 0, "figures": {}, "raw": {}}


def test_a_draft_has_a_report_of_nothing(walked, api):
    shown = api.get(address(walked("draft"), "report")).json()

    assert set(shown["figures"].values()) == {0}
    assert (shown["days"], shown["domains"], shown["devices"]) == ([], [], [])


# --- several campaigns -------------------------------------------------------------------------------------------


def test_campaigns_are_compared_in_the_order_asked_for(api, frozen, walked):
    run, variant, other = frozen.runs.get(), frozen.variants.get(), walked("draft")
    counted(run, variant, "read", total=3, unique=2, human_total=1, human_unique=1)

    shown = api.get(f"{ROOT}campaigns/compare/", {"id": f"{other.public_id},{frozen.public_id}"}).json()

    assert [(row["id"], row["name"], row["figures"]["opened"], row["raw"]["opened"]) for row in shown] == [
        (other.public_id, other.name, 0, 0),
        (frozen.public_id, frozen.name, 1, 2),
    ]
    assert (shown[0]["started_at"], shown[0]["elapsed"]) == (None, [])
    assert api.get(f"{ROOT}campaigns/compare/?id={frozen.public_id}&id={other.public_id}").json() == shown[::-1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [("", "1 to 5"), (",", "1 to 5"), ("a,b,c,d,e,f", "1 to 5"), ("cmp_nobody", "no such campaign: cmp_nobody")],
)
def test_what_cannot_be_compared_is_refused(api, asked, said):
    answer = api.get(f"{ROOT}campaigns/compare/", {"id": asked})

    assert answer.status_code == 400
    assert said in answer.json()["id"][0]


def test_a_campaign_of_others_is_not_there_to_be_compared(stranger_api, frozen):
    answer = stranger_api.get(f"{ROOT}campaigns/compare/", {"id": frozen.public_id})

    assert answer.json() == {"id": [f"There is no such campaign: {frozen.public_id}."]}


def test_a_dashboard_has_the_last_days_beside_those_before(api, frozen, organization):
    Campaign.objects.filter(pk=frozen.pk).update(started_at=now())
    counted(frozen.runs.get(), frozen.variants.get(), "read", total=3, unique=2, human_total=1, human_unique=1)

    shown = api.get(f"{ROOT}organizations/{organization.public_id}/dashboard/", {"days": 7}).json()

    assert (shown["campaigns"], shown["campaigns_before"], len(shown["days"])) == (1, 0, 7)
    assert (shown["figures"]["opened"], shown["raw"]["opened"], shown["figures_before"]["opened"]) == (1, 2, 0)
    assert shown["since"] == shown["days"][0]["day"]


@pytest.mark.parametrize("asked", [{"days": 0}, {"days": 367}, {"days": "many"}, {"channel": "fax"}])
def test_a_dashboard_of_nonsense_is_refused(api, organization, asked):
    answer = api.get(f"{ROOT}organizations/{organization.public_id}/dashboard/", asked)

    assert (answer.status_code, [*answer.json()]) == (400, [*asked])


# --- why it waits ------------------------------------------------------------------------------------------------


def test_a_campaign_says_why_its_messages_wait_and_until_when(api, frozen):
    Batch.objects.update(last_error="The relay mail.example cannot be used: connection refused.", not_before=MOMENT)

    shown = api.get(f"{ROOT}campaigns/{frozen.public_id}/").json()

    assert shown["delivery_error"] == "The relay mail.example cannot be used: connection refused."
    assert shown["next_try_at"] == "2026-05-01T12:00:00Z"


def test_a_campaign_that_waits_for_nothing_says_so(walked, api):
    campaign = walked("draft")

    shown = api.get(f"{ROOT}campaigns/{campaign.public_id}/").json()

    assert (shown["delivery_error"], shown["next_try_at"]) == ("", None)
    assert "delivery_error" not in api.get(f"{ROOT}campaigns/").json()["results"][0]

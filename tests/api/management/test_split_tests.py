"""Several contents of a campaign, the test that chooses among them, and the race between them."""

import pytest
from django.utils.timezone import now

from campaigns.models import State
from splittests import course
from splittests.models import SplitTest, SplitTestRun
from tests.api.management.conftest import ROOT
from tests.factories import EmailFactory, draft_campaign
from tests.splittests.test_course import opened_by, planned, sent_to, started


def address(campaign, path):
    return f"{ROOT}campaigns/{campaign.public_id}/{path}"


@pytest.fixture
def waits(organization):
    """A campaign whose sample is out: five people of each variant, ten who wait."""
    campaign = planned(organization=organization, when_unclear="ask")
    run = started(campaign)
    sent_to(run)
    course.hold(run)
    opened_by(run, 2, 3)
    return campaign


def test_variants_are_written_as_a_whole_and_read_back(api, organization):
    campaign = draft_campaign(organization)
    first, second = (EmailFactory(organization=organization).public_id for _ in range(2))
    given = [{"email_message_id": first}, {"email_message_id": second, "weight": 3}]

    written = api.patch(address(campaign, "variants/"), {"variants": given})

    assert written.status_code == 200, written.content
    read = api.get(address(campaign, "variants/")).json()
    assert read == written.json()
    assert [(each["name"], each["email_message_id"], each["weight"]) for each in read["variants"]] == [
        ("A", first, 1),
        ("B", second, 3),
    ]


@pytest.mark.parametrize(
    "given",
    [
        [],
        [{"email_message_id": "eml_aaaaaaaaaaaaaaaaaaaa"}],
        [{"weight": -1}],
        [{"weight": 0}],
        [{}] * 27,
        "no list",
    ],
)
def test_variants_that_make_no_sense_change_nothing(walked, api, given):
    campaign = walked("draft")
    before = list(campaign.variants.values())

    assert api.patch(address(campaign, "variants/"), {"variants": given}).status_code == 400
    assert list(campaign.variants.values()) == before


def test_an_email_of_the_platform_is_no_variant(walked, api, organization):
    campaign = walked("draft")
    email = EmailFactory(organization=organization, kind="transactional")

    answer = api.patch(address(campaign, "variants/"), {"variants": [{"email_message_id": email.public_id}]})

    assert answer.status_code == 400
    assert "type campaign or other" in answer.content.decode()


def test_what_is_being_sent_keeps_its_variants_and_its_test(walked, api):
    campaign = walked("sending")

    assert api.patch(address(campaign, "variants/"), {"variants": [{}, {}]}).status_code == 409
    assert api.patch(address(campaign, "split-test/"), {"wait": 2}).status_code == 409
    assert api.delete(address(campaign, "split-test/")).status_code == 409


def test_a_test_is_planned_changed_and_dropped(walked, api):
    campaign = walked("draft")
    url = address(campaign, "split-test/")
    assert api.get(url).status_code == 404

    planned = api.patch(url, {"share_percent": "12.50", "metric": "opened"})
    assert (planned.status_code, planned.json()["share_percent"], planned.json()["wait"]) == (200, "12.50", 4)
    assert api.patch(url, {"wait": 2, "wait_unit": "days"}).json()["share_percent"] == "12.50"
    assert api.get(url).json()["wait"] == 2

    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404


@pytest.mark.parametrize(
    ("name", "value"), [("share_percent", "0"), ("wait", 0), ("metric", "luck"), ("certainty", "2"), ("wait_unit", "")]
)
def test_a_test_that_makes_no_sense_is_refused_by_field(walked, api, name, value):
    campaign = walked("draft")

    answer = api.patch(address(campaign, "split-test/"), {name: value})

    assert (answer.status_code, list(answer.json())) == (400, [name])
    assert not SplitTest.objects.exists()


def test_there_is_no_race_before_the_audience_is_fixed(api, organization):
    campaign = planned(organization=organization)

    race = api.get(address(campaign, "split-test/race/")).json()

    assert (race["phase"], race["standings"], race["leader"], race["due_at"]) == ("planned", [], None, None)


def test_the_sample_on_its_way_decides_nothing(api, organization):
    campaign = planned(organization=organization)
    started(campaign)

    assert api.get(address(campaign, "split-test/race/")).json()["phase"] == "sampling"
    assert api.post(address(campaign, "split-test/decide/")).status_code == 409


def test_the_race_is_live_while_the_campaign_waits(api, waits):
    race = api.get(address(waits, "split-test/race/")).json()

    assert (race["phase"], race["leader"], race["chosen"]) == ("waiting", "B", None)
    assert [(each["variant"], each["people"], each["amount"]) for each in race["standings"]] == [
        ("A", 5, 2),
        ("B", 5, 3),
    ]
    assert sum(each["chance"] for each in race["standings"]) == pytest.approx(1)
    assert all(each["low"] < each["rate"] < each["high"] for each in race["standings"])

    opened_by(waits.runs.get(), 5, 0)
    assert api.get(address(waits, "split-test/race/")).json()["leader"] == "A"


def test_somebody_chooses_with_a_reason(api, waits, bob):
    url = address(waits, "split-test/choose/")
    assert list(api.post(url, {"variant": "A"}).json()) == ["reason"]
    assert list(api.post(url, {"variant": "Z", "reason": "It is last."}).json()) == ["variant"]

    race = api.post(url, {"variant": "A", "reason": "B has a mistake."}).json()

    assert (race["phase"], race["chosen"], race["chosen_by"]) == ("decided", "A", bob.username)
    assert race["reason"] == "B has a mistake."
    assert api.post(url, {"variant": "B", "reason": "No."}).status_code == 409


def test_what_is_decided_stays_as_it_was_measured(api, waits):
    api.post(address(waits, "split-test/choose/"), {"variant": "B", "reason": "It is ahead."})
    opened_by(waits.runs.get(), 5, 5)

    race = api.get(address(waits, "split-test/race/")).json()

    assert [each["amount"] for each in race["standings"]] == [2, 3]


def test_the_wait_can_be_ended_and_may_stay_open(api, waits):
    open_still = api.post(address(waits, "split-test/decide/")).json()
    assert (open_still["phase"], open_still["verdict"]) == ("waiting", "unclear")

    SplitTestRun.objects.update(due_at=now())
    assert api.post(address(waits, "split-test/decide/")).json()["phase"] == "asking"


def test_a_cancelled_campaign_has_a_stopped_race(api, waits):
    api.post(address(waits, "cancel/"))

    assert api.get(address(waits, "split-test/race/")).json()["phase"] == "stopped"
    assert api.post(address(waits, "split-test/decide/")).status_code == 409


def test_a_race_costs_the_same_whatever_the_audience(api, waits, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        api.get(address(waits, "split-test/race/"))


def test_a_viewer_looks_on(viewer_api, waits):
    assert viewer_api.get(address(waits, "split-test/race/")).status_code == 200
    assert viewer_api.post(address(waits, "split-test/decide/")).status_code == 403
    assert viewer_api.post(address(waits, "split-test/choose/"), {"variant": "A", "reason": "Me."}).status_code == 403
    waits.refresh_from_db()
    assert waits.state == State.HOLDING


def test_a_duplicate_has_the_same_test(api, organization):
    campaign = planned(organization=organization, wait=7)

    twin = api.post(address(campaign, "duplicate/"), {}).json()["id"]

    assert api.get(f"{ROOT}campaigns/{twin}/split-test/").json()["wait"] == 7
    assert len(api.get(f"{ROOT}campaigns/{twin}/variants/").json()["variants"]) == 2

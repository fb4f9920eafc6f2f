"""The requests and replies that the vendor's page prints: each is made, and each reply has at least its keys, in its
types. `printed.json` has them as they stand there."""

import json
from pathlib import Path

import pytest
import time_machine
from django.db.models import F
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.models import Campaign, CampaignRun
from delivery.freeze import freeze
from delivery.models import Batch, Recipient
from delivery.runs import finish_if_complete
from splittests.models import SplitTestRun
from splittests.tasks import go_on
from stats import outcomes
from stats.ingest import ingest
from tests.factories import SubscriptionFactory
from tracking import spool
from tracking.spool import Hit

PRINTED = json.loads((Path(__file__).parent / "printed.json").read_text())
# The page hides addresses, and so says nothing of which they are.
OURS = {"from_email": "from@example.com", "bounce_email_email": "test@example.com"}
BY_FORMAT = {"stat_id", "sent_text", "sent_multipart", "messages_html", "messages_text"}


def shape_of(printed, ours, place="data"):
    """What of the printed reply ours lacks, or has in another type."""
    if isinstance(printed, dict):
        if not isinstance(ours, dict):
            return [f"{place} is no object"]
        missing = [f"{place}.{key} is missing" for key in printed if key not in ours]
        return missing + [
            problem for key in printed if key in ours for problem in shape_of(printed[key], ours[key], f"{place}.{key}")
        ]
    if isinstance(printed, list):
        if not isinstance(ours, list):
            return [f"{place} is no list"]
        return [each for row in ours for each in (shape_of(printed[0], row, f"{place}[]") if printed else [])]
    if printed is None or ours is None or type(printed) is type(ours):
        return []
    return [f"{place} is {ours!r}, not like {printed!r}"]


def assert_like_printed(name, envelope):
    printed = PRINTED[name]["reply"]
    assert envelope["success"], envelope
    assert (envelope["error_code"], envelope["error_message"]) == (None, None)
    beside = {key: value for key, value in printed.items() if key not in ("data", "success")}
    assert beside.keys() <= envelope.keys()
    assert shape_of(printed["data"], envelope["data"]) == []


@pytest.fixture
def readers_21(readers):
    for _ in range(18):
        SubscriptionFactory(mailing_list=readers)
    return readers


@pytest.fixture(autouse=True)
def small_batches(settings):
    settings.BATCH_SIZE = 4
    settings.BOUNCE_ADDRESS = "test@example.com"
    settings.BASE_URL = "https://example.com"


def made(api, readers, **changes):
    """The printed create, at a time when its own would have been in time."""
    asked = {**PRINTED["create"]["request"]["campaign"], **changes}
    path = PRINTED["create"]["path"].replace("/1/", f"/{readers.pk}/")
    return api.post(path, {"campaign": asked})


def started(campaign_id):
    campaign = Campaign.objects.select_related("organization").get(pk=campaign_id)
    lifecycle.start(campaign, at=now())
    return freeze(campaign)


def sent_to(run):
    """As if workers had sent to everybody they may send to."""
    people = run.recipients.filter(batch__held=False, state="pending")
    sent = people.update(state=Recipient.State.SENT, settled_at=now())
    Batch.objects.filter(run=run, held=False).update(state=Batch.State.DONE)
    CampaignRun.objects.filter(pk=run.pk).update(sent=F("sent") + sent)
    outcomes.refresh(run.pk)


@pytest.mark.django_db
@time_machine.travel("2015-01-22T16:00:00Z", tick=False)
def test_the_printed_campaign_is_created_listed_held_back_sent_and_renamed(api, readers_21):
    envelope = made(api, readers_21)
    assert_like_printed("create", envelope)
    data, printed = envelope["data"], PRINTED["create"]["reply"]["data"]
    same = ("content_determined", "archived", "template", "stat_summary", "automatic_winner_selection")
    assert {name: data[name] for name in same} == {name: printed[name] for name in same}
    assert data["segmentation_criteria_name"] is None
    assert data["segmentation_criteria_id"]
    assert {key: data["dispatch"][key] for key in printed["dispatch"]} == printed["dispatch"] | OURS
    contents = [{key: value for key, value in each.items() if key != "id"} for each in data["campaign_contents"]]
    assert contents == [{k: v for k, v in each.items() if k != "id"} for each in printed["campaign_contents"]]

    path = PRINTED["list"]["path"].replace("/1/", f"/{readers_21.pk}/")
    assert_like_printed("list", api.get(path))
    one = f"/ga/api/mailing_lists/{readers_21.pk}/campaigns/{data['id']}"
    assert api.post(f"{one}/pause")["data"]["dispatch"]["paused"] is True
    resumed = api.post(f"{one}/resume")
    assert_like_printed("resume", {**resumed, "data": {**resumed["data"], "stats": None}})
    assert resumed["data"]["dispatch"]["paused"] is False

    with time_machine.travel("2015-01-22T17:10:01Z", tick=False):
        run = started(data["id"])
        sent_to(run)
        assert finish_if_complete(run.campaign_id)
        renamed = api.put(one, PRINTED["update"]["request"])
    assert_like_printed("update", renamed)
    ours, theirs = renamed["data"], PRINTED["update"]["reply"]["data"]
    assert ours["name"] == theirs["name"]
    for key in theirs["stat_summary"].keys() - BY_FORMAT:
        assert ours["stat_summary"][key] == theirs["stat_summary"][key], key
    assert sorted(each["stat_summary"]["messages_sent"] for each in ours["content_stats"]) == [10, 11]
    assert ours["stat_summary"]["sent_text"] + ours["stat_summary"]["sent_multipart"] == 21
    assert ours["dispatch"]["state_description"] == "Step 4: Finished"


@pytest.mark.django_db
def test_the_printed_test_of_three_contents_picks_its_winner(api, readers_21):
    printed = PRINTED["detail"]["reply"]["data"]
    contents = [{key: value for key, value in each.items() if key != "id"} for each in printed["campaign_contents"]]
    keys = [f"autowinner_{name}" for name in ("enabled", "percentage", "delay_amount", "delay_unit", "metric")]
    dispatch = {key: printed["dispatch"][key] for key in keys}
    dispatch |= {"from_email": "from@example.com", "from_name": "Studio Sender", "begins_at": "now", "reply_to": ""}
    envelope = made(api, readers_21, contents=contents, dispatch_attributes=dispatch)
    pk = envelope["data"]["id"]
    assert envelope["data"]["dispatch"]["state"] == "scheduled", envelope
    run = started(pk)
    assert api.get(f"campaigns/{pk}")["data"]["automatic_winner_selection"]["state"] == "split_testing"
    sent_to(run)
    go_on()
    held = api.get(f"campaigns/{pk}")["data"]
    assert held["automatic_winner_selection"]["state"] == "decision_delay"
    assert held["dispatch"]["state"] == "sending"
    assert held["dispatch"]["finished_at"] is None
    SplitTestRun.objects.update(due_at=now())
    go_on()
    sent_to(run)
    assert finish_if_complete(run.campaign_id)

    envelope = api.get(f"/ga/api/campaigns/{pk}")

    assert_like_printed("detail", envelope)
    selection = envelope["data"]["automatic_winner_selection"]
    first = envelope["data"]["campaign_contents"][0]
    assert selection["state"] == "finished"
    assert selection["winning_content"] == {"id": first["id"], "name": "Content A"}
    assert [each["content"]["is_winner"] for each in selection["snapshots"]] == [True, False, False]
    snapshots = [each["snapshot"] for each in selection["snapshots"]]
    assert len({each["snapshot_group"] for each in snapshots}) == 1
    assert sum(each["total_messages"] for each in snapshots) == 4
    assert not snapshots[0].keys() - {*printed["automatic_winner_selection"]["snapshots"][0]["snapshot"]}
    whole = envelope["data"]["stat_summary"]
    assert (whole["sent_html"], whole["messages_sent"], whole["total_success"]) == (21, 21, 21)
    of_first = envelope["data"]["content_stats"][0]["stat_summary"]["messages_sent"]
    assert of_first == 17 + snapshots[0]["total_messages"]
    by_stat = api.get(f"campaigns/by_stat/{whole['stat_id']}?include_engine_sendid=1")["data"]
    assert (by_stat["id"], by_stat["engine_sendid"]) == (pk, f"a{whole['stat_id']}")


@pytest.mark.django_db
def test_the_printed_links_add_up_to_the_campaigns_clicks(api, readers):
    """One person clicks three links, the second one first."""
    urls = [row["url"] for row in PRINTED["link_stats"]["reply"]["data"]["links"]]
    html = "".join(f'<p><a href="{url}">x</a></p>' for url in urls)
    dispatch = {"from_email": "from@example.com", "begins_at": "now"}
    campaign = made(api, readers, contents=[{"subject": "x", "html": html}], dispatch_attributes=dispatch)["data"]
    path = PRINTED["link_stats"]["path"].replace("/2/", f"/{campaign['id']}/")
    assert api.get(path)["data"] == {"all_unclicked_links_recorded": True, "links": []}
    run = started(campaign["id"])
    sent_to(run)
    reader = run.recipients.first()
    for position in (2, 1, 3, 1, 1, 1, 1, 1):
        hit = Hit(
            "clicked", run.pk, reader.pk, reader.subscriber_id, now(), link_position=position, url=urls[position - 1]
        )
        spool.append(hit)
    ingest()

    envelope = api.get(path)

    assert_like_printed("link_stats", envelope)
    printed = {row["url"]: row for row in PRINTED["link_stats"]["reply"]["data"]["links"]}
    counts = ("clicks_total", "clicks_unique", "clicks_unique_by_link")
    for row in envelope["data"]["links"]:
        assert [row[name] for name in counts] == [printed[row["url"]][name] for name in counts]
    assert [row["url"] for row in envelope["data"]["links"]] == sorted(urls)
    whole = api.get(f"campaigns/{campaign['id']}")["data"]["stat_summary"]
    assert [whole[name] for name in counts] == [8, 1, 3]
    some = api.get(f"{path}?scope=all&url=HTTPS%3A%2F%2F*&per_page=1&page=1")
    assert (some["num_records"], some["num_pages"], len(some["data"]["links"])) == (2, 2, 1)
    content = campaign["contents"][0]["id"]
    assert api.get(f"{path}?content_id={content}")["num_records"] == 3
    assert api.get(f"{path}?content_id={content + 1}")["error_code"] == "not_found"

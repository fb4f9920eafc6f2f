"""Campaigns through GreenArrow's API: what can be written, what it means, and what is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from campaigns import lifecycle
from campaigns.models import Campaign, CampaignEvent, Variant
from content.models import Email
from delivery.runs import finish_if_complete
from tests.api.greenarrow.conftest import done, program, refused
from tests.delivery.conftest import mail_relay as mail_relay
from tests.delivery.servers import Mailbox
from tests.factories import MailingListFactory, SegmentFactory, campaign_in, draft_campaign, staff
from tests.races import at_once, race
from tests.splittests.test_course import planned, sent_to, started

pytestmark = pytest.mark.django_db
CONTENT = {"subject": "Good morning", "html": "<p>Hello</p>"}
DISPATCH = {"from_email": "post@news.example", "from_name": "Morning Post"}


def complete(**changes):
    """The body of a campaign that could go out."""
    dispatch = {**DISPATCH, **changes.pop("dispatch", {})}
    whole = {
        "name": "Morning",
        "contents": [CONTENT],
        "segmentation_criteria_ad_hoc": [],
        "dispatch_attributes": dispatch,
    }
    return {"campaign": {**whole, **changes}}


@pytest.fixture
def base(readers):
    return f"mailing_lists/{readers.pk}/campaigns"


def state_of(envelope):
    return done(envelope)["dispatch"]["state"]


# --- what is refused -----------------------------------------------------------------------------------------------

WRONG = {
    "name cannot be blank": {"name": " "},
    "only one of": {"segmentation_criteria_id": 1, "segmentation_criteria_ad_hoc": []},
    "segmentation_criteria_id is not available": {
        "segmentation_criteria_ad_hoc": None,
        "segmentation_criteria_id": 999999,
    },
    "remote lists": {"segmentation_criteria_ad_hoc": None, "segmentation_criteria_remote_sql": "SELECT 1"},
    "format must be one of html, text, both": {"contents": [{**CONTENT, "format": "pdf"}]},
    "has the name A twice": {"contents": [{**CONTENT, "name": "A"}, {**CONTENT, "name": "A"}]},
    "subject must be one line": {"contents": [{**CONTENT, "subject": "Hi\nBcc: x@example.com"}]},
    "contents must be an array": {"contents": "x"},
    "contents[0] must be an object": {"contents": [1]},
    "contents[0].id is not a content": {"contents": [{**CONTENT, "id": 1}]},
    "from_email is not a valid email": {"dispatch": {"from_email": "nobody"}},
    "from_name must be one line": {"dispatch": {"from_name": "a\r\nBcc: x@example.com"}},
    "speed must be a whole number": {"dispatch": {"speed": -1}},
    "track_opens must be true or false": {"dispatch": {"track_opens": "perhaps"}},
    "state must be one of": {"dispatch": {"state": "asleep"}},
    "begins_at is not a valid time": {"dispatch": {"begins_at": "2015-02-30 1:00PM"}},
    "more than two hours in the past": {"dispatch": {"begins_at": "2015-01-22 11:10AM CST"}},
    "begins_at cannot be blank when": {"dispatch": {"state": "scheduled"}},
    "cannot be changed from idle to finished": {"dispatch": {"state": "finished"}},
    "virtual_mta_id is unknown": {"dispatch": {"virtual_mta_id": 7}},
    "url_domain_id is unknown": {"dispatch": {"url_domain_id": "7"}},
    "bounce_email_id is unknown": {"dispatch": {"bounce_email_id": "4@1"}},
    "seed_list_ids contains an unknown": {"dispatch": {"seed_list_ids": [7]}},
    "only one of seed_list_ids": {"dispatch": {"seed_list_ids": [], "seed_list_id": None}},
    "only one of special_sending_rule_id": {
        "dispatch": {"special_sending_rule_id": 1, "special_sending_rule_name": "x"}
    },
    "not been granted access to Special Sending Rules": {"dispatch": {"special_sending_rule_id": 1}},
    "autowinner_percentage must have at most two decimals": {"dispatch": {"autowinner_percentage": 94.85000000000001}},
    "autowinner_percentage must be between 0 and 100": {"dispatch": {"autowinner_percentage": "100"}},
    "autowinner_metric cannot be blank": {"dispatch": {"autowinner_enabled": True, "autowinner_percentage": 20}},
    "autowinner_metric must be one of": {"dispatch": {"autowinner_metric": "revenue"}},
}
OTHER_CODES = [
    ("invalid_request", "there is no clause type", {"segmentation_criteria_ad_hoc": [{"type": "moon"}]}),
    (
        "invalid_request",
        "a group has at least one clause",
        {"segmentation_criteria_ad_hoc": {"type": "any", "clauses": []}},
    ),
    ("not_found", "seed list Us not found", {"dispatch": {"seed_list_names": ["Us"]}}),
    ("not_found", "virtual_mta_name", {"dispatch": {"virtual_mta_name": "Fast"}}),
    ("not_found", "bounce_email_name", {"dispatch": {"bounce_email_name": "a@b.example"}}),
]


def test_what_is_wrong_is_refused_by_name_and_leaves_nothing_behind(api, base):
    for message, changes in WRONG.items():
        said = refused(api.post(base, complete(**changes)))
        assert message in said, (message, said)
    for code, message, changes in OTHER_CODES:
        assert message in refused(api.post(base, complete(**changes)), code)
    several = refused(api.post(base, complete(name="", dispatch={"speed": "x"})))
    assert several == "name cannot be blank, dispatch.speed must be a whole number"
    for body in (None, [], "x", {}, {"campaign": 1}):
        refused(api.post(base, body), "invalid_request")
    assert not Campaign.objects.exists()
    assert not Email.objects.exists()


def test_what_is_elsewhere_is_not_found(api, base, charlie):
    theirs = draft_campaign(charlie.memberships.get().organization)
    mine = done(api.post(base, complete()))["id"]
    other = MailingListFactory(organization_id=api.organization_id).pk

    for path in (f"campaigns/{theirs.pk}", f"mailing_lists/{other}/campaigns/{mine}", "campaigns/0", "campaigns/x"):
        refused(api.get(path), "not_found")
        refused(api.put(path, {"campaign": {"name": "x"}}), "not_found")
        refused(api.post(f"{path}/pause"), "not_found")
    refused(api.get("campaigns/by_stat/1"), "not_found")
    refused(api.get(f"mailing_lists/{theirs.audience.get().mailing_list_id}/campaigns"), "not_found")
    refused(api.get("nowhere"), "not_found")
    opened = {"type": "campaign_activity", "operator": "did_not_open", "campaign": {"id": theirs.pk}}
    message = refused(api.post(base, complete(segmentation_criteria_ad_hoc=[opened])), "not_found")
    assert message == f"segmentation criteria: there is no campaign {theirs.pk}"
    done(api.post(base, complete(segmentation_criteria_ad_hoc=[{**opened, "campaign": {"id": mine}}])))
    template = {"campaign": {"name": "x"}, "source_template_id": 7}
    assert refused(api.post(base, template), "not_found") == "template not found"


def test_a_viewer_may_look_and_nothing_else(victor, organization, api, base):
    pk = done(api.post(base, complete()))["id"]
    viewer = program(victor, organization)

    done(viewer.get(f"campaigns/{pk}"))
    for method, path in [("POST", base), ("PUT", f"campaigns/{pk}"), ("POST", f"campaigns/{pk}/pause")]:
        refused(viewer.call(method, path, complete()), "not_authorized")
    refused(viewer.delete(f"campaigns/{pk}"), "not_authorized")
    refused(viewer.post(f"campaigns/{pk}/resume"), "not_authorized")  # though there is nothing to resume


# --- contents ------------------------------------------------------------------------------------------------------


def test_contents_go_on_by_their_id_and_are_new_without(api, base):
    made = done(api.post(base, complete(contents=[{**CONTENT, "name": "One"}, {"text": "Hello", "subject": "Two"}])))
    one, two = made["contents"]
    assert (one["format"], two["format"], two["name"]) == ("html", "text", "Content B")

    contents = [
        {"id": str(two["id"]), "subject": "Second"},
        {**CONTENT, "name": "Three", "format": "both", "text": "x"},
    ]
    after = done(api.put(f"campaigns/{made['id']}", {"campaign": {"contents": contents}}))["contents"]

    assert [each["name"] for each in after] == ["Content B", "Three"]
    assert (after[0]["id"], after[0]["subject"], after[0]["text"]) == (two["id"], "Second", "Hello")
    assert list(Variant.objects.order_by("position").values_list("name", flat=True)) == ["Content B", "Three"]
    flat = done(api.put(f"campaigns/{made['id']}", {"campaign": {"content_subject": "First", "email_format": "text"}}))
    assert [each["subject"] for each in flat["contents"]] == ["First", CONTENT["subject"]]
    nested = [{"id": two["id"], "_destroy": True}, {"name": "Four", "content_attributes": CONTENT}]
    last = done(api.put(f"campaigns/{made['id']}", {"campaign": {"campaign_contents_attributes": nested}}))
    assert [each["name"] for each in last["contents"]] == ["Three", "Four"]
    none = done(api.put(f"campaigns/{made['id']}", {"campaign": {"contents": []}}))
    assert (none["contents"], none["content_determined"], none["content_subject"]) == ([], False, None)


def test_a_new_content_without_a_name_is_called_as_nothing_else_is(api, base):
    made = done(api.post(base, complete(contents=[{**CONTENT, "name": "One"}, CONTENT])))
    kept = {"id": made["contents"][1]["id"]}
    assert made["contents"][1]["name"] == "Content B"

    whole = {"campaign": {"contents": [kept, CONTENT]}}
    after = done(api.put(f"campaigns/{made['id']}", whole))["contents"]
    assert [each["name"] for each in after] == ["Content B", "Content A"]
    nested = {"campaign": {"campaign_contents_attributes": [{"id": after[1]["id"], "_destroy": "1"}, CONTENT]}}
    after = done(api.put(f"campaigns/{made['id']}", nested))["contents"]
    assert [each["name"] for each in after] == ["Content B", "Content A"]
    odd = refused(api.put(f"campaigns/{made['id']}", {"campaign": {"campaign_contents_attributes": [1]}}))
    assert odd == "campaign_contents_attributes[0] must be an object"


@race
def test_of_two_who_write_the_contents_at_once_one_comes_after_the_other(api, base):
    """Each on what the other left: no fault, and no mixture of both."""
    made = done(api.post(base, complete()))
    path, first = f"campaigns/{made['id']}", made["contents"][0]["id"]

    def write(*contents):
        return lambda: api.put(path, {"campaign": {"contents": list(contents)}})

    answers = at_once(
        write({**CONTENT, "name": "New"}),
        write({"id": first, "subject": "Same"}),
        lambda: api.post(f"{path}/pause"),
        lambda: api.post(f"{path}/pause"),
    )

    codes = [each["error_code"] for each in answers]
    assert codes[1] in (None, "validation_failed")  # the content may be gone by then
    assert [codes[0], *codes[2:]] == [None] * 3, answers
    names = [each["name"] for each in done(api.get(path))["contents"]]
    assert names in (["New"], ["Content A"])


def test_what_another_campaign_says_too_is_left_as_it_is_there(api, base, organization, readers):
    shared = draft_campaign(organization)
    email = shared.variants.get().email
    mine = draft_campaign(organization, email=email)
    content = mine.variants.get().pk

    changed = {"campaign": {"contents": [{"id": content, "subject": "Mine"}]}}
    assert done(api.put(f"campaigns/{mine.pk}", changed))["contents"][0]["subject"] == "Mine"

    email.refresh_from_db()
    assert email.subject == "Good morning"


def test_echoing_a_whole_campaign_changes_nothing(api, base):
    made = done(api.post(base, complete(dispatch={"begins_at": "2030-01-01 9:00AM"})))
    events = CampaignEvent.objects.count()

    echoed = {**made, "dispatch_attributes": dict(made["dispatch"])}
    del echoed["dispatch_attributes"]["seed_list_id"], echoed["dispatch_attributes"]["seed_list_name"]
    again = done(api.put(f"campaigns/{made['id']}", {"campaign": echoed}))

    assert again == made
    assert CampaignEvent.objects.count() == events


# --- when it goes out ----------------------------------------------------------------------------------------------


def test_a_complete_campaign_with_a_time_is_scheduled(api, base):
    later = {"begins_at": "2030-01-01 9:00AM EST"}

    assert state_of(api.post(base, complete(dispatch=later))) == "scheduled"
    assert state_of(api.post(base, complete())) == "idle"
    assert state_of(api.post(base, complete(dispatch={"state": "sending"}))) == "sending"
    assert state_of(api.post(base, complete(contents=[], dispatch={"state": "sending"}))) == "idle"
    assert state_of(api.post(base, complete(dispatch={**later, "state": "idle"}))) == "idle"
    incomplete = api.post(base, complete(contents=[{"html": "x"}], dispatch={**later, "state": "scheduled"}))
    assert state_of(incomplete) == "idle"
    assert done(incomplete)["dispatch"]["begins_at"] == "2030-01-01T14:00:00Z"
    pk = done(incomplete)["id"]
    assert state_of(api.put(f"campaigns/{pk}", {"campaign": {"contents": [CONTENT]}})) == "scheduled"
    assert state_of(api.put(f"campaigns/{pk}", {"campaign": {"contents": [{"html": "x"}]}})) == "idle"
    assert state_of(api.put(f"campaigns/{pk}", {"campaign": {"name": "Renamed"}})) == "idle"
    assert state_of(api.put(f"campaigns/{pk}", {"campaign": {"content_subject": "Back"}})) == "scheduled"
    gone = done(api.put(f"campaigns/{pk}", {"campaign": {"dispatch_attributes": {"begins_at": ""}}}))["dispatch"]
    assert (gone["state"], gone["begins_at"]) == ("idle", None)


def test_without_delivery_settings_there_is_no_dispatch(api, base):
    body = complete()
    del body["campaign"]["dispatch_attributes"]
    made = done(api.post(base, body))

    assert "dispatch" not in made
    refused(api.post(f"campaigns/{made['id']}/pause"))
    refused(api.get(f"campaigns/{made['id']}/estimate_recipients"))
    assert "dispatch" in done(api.put(f"campaigns/{made['id']}", {"campaign": {"dispatch_attributes": {}}}))


@time_machine.travel("2026-06-01T12:00:00Z", tick=False)
def test_a_time_of_the_last_two_hours_is_now_and_an_older_one_is_refused(api, base, settings):
    for written, shown in [("2026-06-01T10:00:00Z", "2026-06-01T12:00:00Z"), ("now", "2026-06-01T12:00:00Z")]:
        assert done(api.post(base, complete(dispatch={"begins_at": written})))["dispatch"]["begins_at"] == shown
    refused(api.post(base, complete(dispatch={"begins_at": "2026-06-01T09:59:59Z"})))
    settings.GREENARROW_BEGINS_AT_MAX_PAST = -1
    assert state_of(api.post(base, complete(dispatch={"begins_at": "2015-01-22 11:10AM CST"}))) == "scheduled"


# Now in -> written -> what it reads afterwards; None where it is refused.
WRITES = {
    "draft": {
        "idle": "idle",
        "scheduled": "scheduled",
        "sending": "sending",
        "finished": None,
        "failed": None,
        "cancelled": "cancelled",
    },
    "scheduled": {
        "idle": "idle",
        "scheduled": "scheduled",
        "sending": "sending",
        "finished": None,
        "failed": None,
        "cancelled": "cancelled",
    },
    "sending": {
        "idle": None,
        "scheduled": None,
        "sending": "sending",
        "finished": None,
        "failed": None,
        "cancelled": "cancelled",
    },
    "holding": {"idle": None, "sending": "sending", "cancelled": "cancelled"},
    "sent": {"idle": None, "scheduled": None, "sending": None, "finished": "finished", "cancelled": None},
    "failed": {"sending": None, "failed": "failed", "finished": None},
    "cancelled": {"idle": None, "scheduled": None, "cancelled": "cancelled"},
}


@pytest.mark.parametrize("state", WRITES)
def test_writing_a_state_is_a_verb_or_is_refused(api, organization, state):
    for written, expected in WRITES[state].items():
        campaign = campaign_in(state, organization, people=1) if state != "sent" else sent(organization)
        body = {"dispatch_attributes": {"state": written}}
        if state == "draft":
            body["dispatch_attributes"]["begins_at"] = "2030-01-01"
        envelope = api.put(f"campaigns/{campaign.pk}", {"campaign": body})
        if expected is None:
            refused(envelope)
        else:
            assert state_of(envelope) == expected, (state, written)


def sent(organization):
    campaign = draft_campaign(organization, people=0)
    lifecycle.send_now(campaign, by=staff(organization))
    return lifecycle.freeze(campaign, user_count=0, total_recipients=0)


def test_pausing_is_beside_the_state_and_asking_twice_is_harmless(api, organization):
    for state, word in [("draft", "idle"), ("scheduled", "scheduled"), ("sending", "sending"), ("holding", "sending")]:
        campaign = campaign_in(state, organization, people=1)
        for act, paused in [("pause", True), ("pause", True), ("resume", False), ("resume", False)]:
            dispatch = done(api.post(f"campaigns/{campaign.pk}/{act}"))["dispatch"]
            assert (dispatch["paused"], dispatch["state"]) == (paused, word)
        written = {"campaign": {"dispatch_attributes": {"paused": "1"}}}
        assert done(api.put(f"campaigns/{campaign.pk}", written))["dispatch"]["paused"] is True
    for campaign in (sent(organization), campaign_in("failed", organization), campaign_in("cancelled", organization)):
        for act in ("pause", "resume"):
            refused(api.post(f"campaigns/{campaign.pk}/{act}"))
        done(api.put(f"campaigns/{campaign.pk}", {"campaign": {"dispatch_attributes": {"paused": True}}}))


def test_while_it_is_sent_only_name_speed_and_pause_can_be_changed(api, organization):
    campaign = campaign_in("sending", organization, people=1)
    path = f"campaigns/{campaign.pk}"

    changed = done(api.put(path, {"campaign": {"name": "Later", "dispatch_attributes": {"speed": 500}}}))
    assert (changed["name"], changed["dispatch"]["speed"]) == ("Later", 500)
    for wrong in (
        {"contents": [CONTENT]},
        {"segmentation_criteria_ad_hoc": []},
        {"dispatch_attributes": {"from_email": "other@news.example"}},
        {"dispatch_attributes": {"track_opens": False}},
        {"dispatch_attributes": {"begins_at": "2030-01-01"}},
    ):
        refused(api.put(path, {"campaign": wrong}))


def test_who_is_not_trusted_reads_idle_until_somebody_approves(dora, organization, base):
    api = program(dora, organization)

    made = api.post(base, complete(dispatch={"begins_at": "2030-01-01", "state": "scheduled"}))

    assert state_of(made) == "idle"
    assert Campaign.objects.get().state == "pending_approval"
    asked = CampaignEvent.objects.count()
    same = {"campaign": {"dispatch_attributes": {"begins_at": "2030-01-01", "from_name": DISPATCH["from_name"]}}}
    assert state_of(api.put(f"campaigns/{done(made)['id']}", same)) == "idle"
    assert CampaignEvent.objects.count() == asked
    later = {"campaign": {"dispatch_attributes": {"begins_at": "2030-01-02"}}}
    assert done(api.put(f"campaigns/{done(made)['id']}", later))["dispatch"]["begins_at"] == "2030-01-02T00:00:00Z"
    assert Campaign.objects.get().state == "pending_approval"
    assert (
        state_of(api.put(f"campaigns/{done(made)['id']}", {"campaign": {"dispatch_attributes": {"state": "idle"}}}))
        == "idle"
    )
    assert Campaign.objects.get().state == "draft"


def test_deleting_hides_what_is_not_being_sent(api, organization):
    idle, busy = campaign_in("draft", organization), campaign_in("sending", organization, people=1)

    assert done(api.delete(f"campaigns/{idle.pk}")) is None
    refused(api.get(f"campaigns/{idle.pk}"), "not_found")
    refused(api.delete(f"campaigns/{busy.pk}"))


# --- lists, segments, templates, estimates -------------------------------------------------------------------------


def test_a_list_shows_its_campaigns_by_id_and_as_they_are_asked_for(api, organization, readers, base):
    idle = done(api.post(base, {"campaign": {"name": "x"}}))["id"]
    scheduled = done(api.post(base, complete(dispatch={"begins_at": "2030-01-01"})))["id"]
    elsewhere = campaign_in("sending", organization, people=1)  # made by another program, in a list of its own
    theirs = f"mailing_lists/{elsewhere.audience.get().mailing_list_id}/campaigns"

    def ids(path):
        return [row["id"] for row in done(api.get(path))]

    assert ids(base) == [idle, scheduled]
    assert ids(f"{base}?state=idle") == [idle]
    assert ids(f"{base}?state=scheduled,%20idle,") == [idle, scheduled]
    assert ids(f"{theirs}?started_at__start=2000-01-01") == [elsewhere.pk]
    assert ids(f"{theirs}?started_at__start=2000-01-01&state=finished") == []
    until = int((now() - timedelta(days=1)).timestamp())
    assert ids(f"{theirs}?started_at__end={until}") == []
    refused(api.get(f"{base}?state=asleep"), "invalid_request")
    refused(api.get(f"{base}?started_at__start=bogus"), "invalid_request")
    page = api.get(f"{base}?page=1&per_page=1")
    assert (page["num_records"], [row["id"] for row in page["data"]]) == (2, [scheduled])


def test_a_segment_of_the_list_can_be_named_and_taken_away(api, organization, readers, base):
    segment = SegmentFactory(organization=organization, name="Everybody")
    segment.mailing_lists.add(readers)
    other = SegmentFactory(organization=organization)
    other.mailing_lists.add(MailingListFactory(organization=organization))

    made = done(api.post(base, complete(segmentation_criteria_ad_hoc=None, segmentation_criteria_id=str(segment.pk))))
    assert (made["segmentation_criteria_id"], made["segmentation_criteria_name"]) == (segment.pk, "Everybody")
    assert "not available on this mailing list" in refused(
        api.put(f"campaigns/{made['id']}", {"campaign": {"segmentation_criteria_id": other.pk}})
    )
    gone = done(api.put(f"campaigns/{made['id']}", {"campaign": {"segmentation_criteria_id": None}}))
    assert gone["segmentation_criteria_id"] is None
    assert gone["mailing_list_id"] == readers.pk


def test_a_template_is_laid_under_what_is_said(api, readers, organization, base):
    templates = f"mailing_lists/{readers.pk}/templates"
    dispatch = {**DISPATCH, "speed": 7, "begins_at": "2030-01-01", "seed_list_ids": []}
    body = {
        "name": "Weekly",
        "segmentation_criteria_ad_hoc": [],
        "dispatch_attributes": dispatch,
        "contents": [CONTENT],
    }
    template = done(api.post(templates, {"template": body}))
    assert template["template"] is True
    assert "begins_at" not in template["dispatch"]
    assert [row["id"] for row in done(api.get(templates))] == [template["id"]]
    assert done(api.put(f"campaign_templates/{template['id']}", {"template": {"name": "W"}}))["name"] == "W"
    flags = ("duplicate_content", "duplicate_segmentation_criteria", "duplicate_dispatch")
    asked = {"source_template_id": str(template["id"]), **dict.fromkeys(flags, "true")}

    copied = done(api.post(base, {**asked, "campaign": {"name": "One", "dispatch_attributes": {"from_name": "Us"}}}))
    assert copied["contents"][0]["subject"] == CONTENT["subject"]
    assert copied["segmentation_criteria_id"] is not None
    dispatch = copied["dispatch"]
    assert (dispatch["from_name"], dispatch["from_email"], dispatch["speed"]) == ("Us", DISPATCH["from_email"], 7)
    assert (dispatch["state"], dispatch["begins_at"]) == ("idle", None)

    over = {"name": "Two", "contents": [{**CONTENT, "subject": "Mine"}], "segmentation_criteria_id": None}
    other = done(api.post(base, {**asked, "campaign": over}))
    assert [each["subject"] for each in other["contents"]] == ["Mine"]
    assert other["segmentation_criteria_id"] is None

    elsewhere = f"mailing_lists/{MailingListFactory(organization=organization).pk}/campaigns"
    third = done(api.post(elsewhere, {**asked, "campaign": {"name": "Three"}}))
    assert len(third["contents"]) == 1
    assert third["segmentation_criteria_id"] is None
    assert "dispatch" not in third
    assert done(api.delete(f"templates/{template['id']}")) is None


def test_an_estimate_is_counted_once_and_kept_for_eight_hours(
    api, readers, base, organization, django_capture_on_commit_callbacks
):
    pk = done(api.post(base, complete()))["id"]
    path = f"campaigns/{pk}/estimate_recipients"

    def ask(query=""):
        with django_capture_on_commit_callbacks(execute=True) as asked:
            answer = done(api.get(path + query))
        return answer, len(asked)

    waiting = {"estimate_is_ready": False, "estimate": None}
    assert ask() == (waiting, 1)
    ready, asked = ask()
    assert asked == 0
    counts = {key: ready["estimate"][key] for key in ("number_of_recipients", "number_of_recipients_suppressed")}
    assert counts == {"number_of_recipients": 3, "number_of_recipients_suppressed": 0}

    suppress = {"data": [readers.subscriptions.first().subscriber.email]}
    named = done(api.get("suppression_lists"))[0]["id"]
    done(api.post(f"suppression_lists/{named}/suppressed_addresses/create_multiple", suppress))
    assert ask()[0] == ready, "kept"
    assert ask("?clear_cache") == (waiting, 1)
    fresh = ask()[0]["estimate"]
    assert (fresh["number_of_recipients"], fresh["number_of_recipients_suppressed"]) == (2, 1)
    with time_machine.travel(now() + timedelta(hours=8), tick=False):
        assert ask()[0] == waiting
    ask()
    clause = {"type": "email_address", "operator": "contains", "value": "nobody"}
    done(api.put(f"campaigns/{pk}", {"campaign": {"segmentation_criteria_ad_hoc": [clause]}}))
    assert ask()[0] == waiting
    assert ask()[0]["estimate"]["number_of_recipients"] == 0


def test_of_many_who_ask_at_once_one_counts(api, base, django_capture_on_commit_callbacks):
    pk = done(api.post(base, complete()))["id"]

    with django_capture_on_commit_callbacks() as asked:
        for _ in range(3):
            assert not done(api.get(f"campaigns/{pk}/estimate_recipients"))["estimate_is_ready"]

    assert len(asked) == 1


def test_a_list_of_many_campaigns_asks_the_database_as_often_as_one_of_few(api, base, readers):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            done(api.get(base))
        return len(asked)

    for number in range(2):
        done(api.post(base, complete(name=f"x{number}")))
    few = queries()
    for number in range(4):
        done(api.post(base, complete(name=f"y{number}", dispatch={"begins_at": "2030-01-01"})))

    assert queries() == few
    assert few < 20


def test_where_everybody_was_of_the_sample_the_selection_is_over_without_a_winner(api):
    run = started(planned(people=4, share_percent=Decimal(100)))
    viewer = program(staff(run.campaign.organization).user, run.campaign.organization)

    def selection():
        return done(viewer.get(f"campaigns/{run.campaign_id}"))["automatic_winner_selection"]

    assert selection()["state"] == "split_testing"
    sent_to(run)
    assert finish_if_complete(run.campaign_id)
    assert selection() == {"state": "finished", "winning_content": None, "snapshots": []}


def test_previews_go_to_whom_they_are_for(api, base, mail_relay):
    pk = done(api.post(base, complete()))["id"]
    body = {"preview": {"recipients": ["me@example.com"], "split_emails_by_format": False}}

    with mail_relay(Mailbox()) as mailbox:
        assert done(api.post(f"campaigns/{pk}/send_preview", body)) is None

    assert [recipient for _, recipient, _ in mailbox.mails] == ["me@example.com"]
    for wrong in ({}, {"recipients": "x"}, {"recipients": ["nobody"]}):
        refused(api.post(f"campaigns/{pk}/send_preview", {"preview": wrong}))
    empty = done(api.post(base, {"campaign": {"name": "x"}}))["id"]
    assert refused(api.post(f"campaigns/{empty}/send_preview", body)) == "the campaign has no content"


def test_what_is_under_way_is_listed_as_jobs(api, organization):
    campaign_in("draft", organization)
    waiting, over = campaign_in("scheduled", organization), campaign_in("cancelled", organization)
    held = campaign_in("holding", organization, people=1)

    unfinished = {row["id"]: row for row in done(api.get("jobs/unfinished"))}

    assert sorted(unfinished) == [waiting.pk, held.pk]
    assert unfinished[held.pk]["state2"] == "onhold_autowinner"
    assert unfinished[waiting.pk]["job_type"] == "Campaign"
    assert over.pk in {row["id"] for row in done(api.get("jobs/all"))}

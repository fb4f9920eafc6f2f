"""Requests as programs that are out there make them, quirks and all: each has to work."""

import json

import pytest
import time_machine

from audience import fields
from audience.models import Subscription, Suppression
from tests.api.greenarrow.conftest import done
from tests.factories import SegmentFactory

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def base(readers):
    return f"mailing_lists/{readers.pk}"


def test_the_example_that_creates_a_campaign_with_contents_of_the_old_kind(api, base, readers):
    """PHP: retired keys, two contents, no segment."""
    contents = [
        {"name": "A", "content_attributes": {"format": "html", "subject": "One", "html": "<p>1</p>", "text": ""}},
        {"name": "B", "content_attributes": {"format": "both", "subject": "Two", "html": "<p>2</p>", "text": "2"}},
    ]
    campaign = {
        "name": "My New Campaign",
        "mailing_list_id": 1,
        "email_format": "html",
        "active_html_editor": "none",
        "segmentation_criteria_id": None,
        "campaign_contents_attributes": contents,
    }

    made = done(api.post(f"{base}/campaigns", {"campaign": campaign}))

    assert [each["name"] for each in made["campaign_contents"]] == ["A", "B"]
    assert "dispatch" not in made
    assert (made["mailing_list_id"], made["segmentation_criteria_id"]) == (readers.pk, None)


@time_machine.travel("2015-06-29T19:00:00Z", tick=False)
def test_the_example_that_looks_up_what_it_sends_through(api, base, organization, settings):
    """PHP: finds ids by names, then names them; a time without a zone. Its list is remote, which no list here is."""
    organization.timezone = "America/Chicago"
    organization.save()
    settings.BOUNCE_ADDRESS = "test@example.com"

    def looked_up(path, key, name):
        rows = done(api.get(path, content_type=""))
        return next(row["id"] for row in rows if row[key] == name)

    dispatch = {
        "bounce_email_id": looked_up("bounce_emails", "email", "test@example.com"),
        "url_domain_id": looked_up("url_domains", "domain", "localhost"),
        "virtual_mta_id": looked_up("virtual_mtas", "name", "System Default Route"),
        "begins_at": "2015-06-29 3:11PM",
        "state": "scheduled",
        "from_email": "a@example.com",
    }
    body = {"name": "x", "contents": [{"subject": "s", "html": "h", "format": "html"}], "dispatch_attributes": dispatch}

    remote = api.post(f"{base}/campaigns", {"campaign": {**body, "segmentation_criteria_remote_sql": "SELECT 1"}})
    assert remote["error_code"] == "validation_failed"
    made = done(api.post(f"{base}/campaigns", {"campaign": {**body, "segmentation_criteria_ad_hoc": []}}))
    assert (made["dispatch"]["state"], made["dispatch"]["begins_at"]) == ("scheduled", "2015-06-29T20:11:00Z")


def test_the_example_that_posts_a_flat_subscriber_as_a_form(api, base, readers):
    subscriber = {"email": "bob@example.com", "mailing_list_id": 5, "confirmed": True, "status": "active"}

    made = api.post(f"/ga/api/{base}/subscribers", json.dumps(subscriber), content_type=FORM)

    assert done(made)["email"] == "bob@example.com"
    assert "confirmed" not in made["data"]


def test_the_examples_without_ga_that_write_custom_fields(api, base, organization):
    fields.create(organization, key="first_name", name="First Name")
    subscriber = {"mailing_list_id": "1", "email": "ann@example.com", "custom_fields": {"First Name": "Ann"}}

    made = done(api.post(f"/api/v2/{base}/subscribers", {"subscriber": subscriber}))
    changed = {"subscriber": {"custom_fields": {"First Name": "Anna"}}}
    after = done(api.put(f"/api/v2/{base}/subscribers/{made['id']}", changed))

    assert after["custom_fields"]["First Name"] == {"name": "First Name", "type": "text", "value": "Anna"}


@time_machine.travel("2018-05-01T18:00:00Z", tick=False)
def test_the_wordpress_plugin_that_schedules_posts(api, base, readers, organization):
    """klicked: ids as text, a minute of one digit, a template's segment overridden."""
    segment = SegmentFactory(organization=organization, name="Fans")
    segment.mailing_lists.add(readers)
    template = {"name": "T", "segmentation_criteria_ad_hoc": [], "dispatch_attributes": {"from_email": "a@example.com"}}
    source = done(api.post(f"{base}/templates", {"template": template}))["id"]
    lists, segments = done(api.get("mailing_lists")), done(api.get(f"{base}/segmentation_criterias"))
    assert {"id": readers.pk, "name": readers.name}.items() <= lists[0].items()
    assert (segment.pk, "Fans") in {(row["id"], row["name"]) for row in segments}

    body = {
        "source_template_id": str(source),
        "duplicate_segmentation_criteria": True,
        "duplicate_dispatch": True,
        "campaign": {
            "name": "Post",
            "segmentation_criteria_id": str(segment.pk),
            "contents": [{"name": "A", "format": "html", "subject": "Post", "html": "<p>x</p>", "text": "x"}],
            "dispatch_attributes": {
                "state": "scheduled",
                "virtual_mta_id": 0,
                "bounce_email_id": "1@1",
                "url_domain_id": 1,
                "begins_at": "2018-05-01 3:7PM EDT",
                "track_links": "1",
                "track_opens": "1",
            },
        },
    }
    made = done(api.post(f"{base}/campaigns", body))

    assert made["dispatch"]["begins_at"] == "2018-05-01T19:07:00Z"
    assert made["dispatch"]["state"] == "scheduled"
    assert made["segmentation_criteria_name"] == "Fans"
    assert made["contents"][0]["format"] == "html"
    form = {"subscriber": {"email": "fan@example.com", "email_format": "html"}}
    assert done(api.post(f"{base}/subscribers", form))["status"] == "active"


def test_the_php_library_with_broken_headers(api, base, organization):
    """InboxFirst: JSON as a form, addresses in the path, flat fields, null fields."""
    flat = {"name": "City", "field_type": "text"}
    field = done(api.post(f"{base}/custom_fields", json.dumps(flat), content_type=FORM))
    subscriber = {"subscriber": {"email": "kim.b@example.com", "custom_fields": None}}
    done(api.post(f"{base}/subscribers", json.dumps(subscriber), content_type=FORM))

    found = done(api.get(f"{base}/subscribers/kim%2Eb%40example%2Ecom"))
    assert [row["email"] for row in found] == ["kim.b@example.com"]
    changed = json.dumps({"subscriber": {"status": "unsubscribed"}})
    after = done(api.put(f"{base}/subscribers/kim.b%40example.com", changed, content_type=FORM))
    assert after["status"] == "unsubscribed"
    assert len(done(api.get(f"{base}/subscribers?page=0&per_page=500"))) == 4
    assert done(api.delete(f"{base}/custom_fields/{field['id']}")) is None


def test_the_wordpress_plugin_that_pastes_the_ready_made_key(api, base):
    body = {"subscriber": {"email": "wp@example.com"}}

    assert done(api.post(f"{base}/subscribers", body, header=api.header))["email"] == "wp@example.com"
    assert Subscription.objects.count() == 4


def test_the_script_that_suppresses_one_address(api):
    named = done(api.get("suppression_lists"))[0]["id"]

    answer = api.send(
        "POST", f"suppression_lists/{named}/suppressed_addresses/create_multiple", {"data": ["x@y.example"]}
    )

    assert json.loads(answer.content)["data"] is None
    assert Suppression.objects.get().value == "x@y.example"

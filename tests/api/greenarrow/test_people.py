"""From an empty organization to people on a list, as a client would go about it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audience.models import Subscription, Suppression
from content.tokens import Purpose, recipient_token
from stats.ingest import ingest
from tests.api.greenarrow.conftest import done, program, refused
from tests.delivery.states import sending
from tests.factories import campaign_in
from tests.races import at_once, race


@pytest.fixture
def made(api):
    """A list with fields of several types and one subscriber."""
    mailing_list = done(api.post("mailing_lists", {"mailing_list": {"name": "Readers", "d_from_email": "a@b.example"}}))
    base = f"mailing_lists/{mailing_list['id']}"
    for name, kind, more in [
        ("First Name", "text", {"required": True}),
        ("Age", "number", {}),
        ("Plan", "select_single_radio", {"options": [{"name": "Free"}, {"name": "Plus"}]}),
        ("Topics", "select_multiple_checkboxes", {"options": [{"name": "A"}, {"name": "B"}]}),
        ("Member", "boolean", {"default_boolean": True}),
    ]:
        done(api.post(f"{base}/custom_fields", {"custom_field": {"name": name, "field_type": kind, **more}}))
    subscriber = {
        "email": "Zoe@example.com",
        "custom_fields": {"first_name": "Zoe", "Age": {"name": "Age", "value": 7}},
    }
    return done(api.post(f"{base}/subscribers", {"subscriber": subscriber})), base


def test_a_list_has_the_defaults_of_its_campaigns(api, made):
    _, base = made
    seeds = done(api.post("seed_lists", {"seed_list": {"name": "Us", "addresses_array": ["me@example.com"]}}))

    shown = done(
        api.put(
            base,
            {
                "mailing_list": {
                    "d_speed": "100",
                    "d_seed_list_names": ["us"],
                    "d_autowinner_enabled": True,
                    "d_autowinner_percentage": 12.5,
                    "d_autowinner_delay_amount": 2,
                    "d_autowinner_delay_unit": "hours",
                    "d_autowinner_metric": "clicks_unique",
                    "custom_headers_enabled": "1",
                    "custom_headers": "X-Mine: yes",
                }
            },
        )
    )

    assert shown["d_from_email"] == "a@b.example"
    assert shown["d_seed_lists"] == [{"id": seeds["id"], "name": "Us"}]
    assert (shown["d_speed"], shown["d_autowinner_percentage"]) == (100, "12.5")
    campaign = done(api.post(f"{base}/campaigns", {"campaign": {"name": "x", "dispatch_attributes": {"speed": 5}}}))
    dispatch = campaign["dispatch"]
    assert (dispatch["from_email"], dispatch["speed"], dispatch["autowinner_metric"]) == (
        "a@b.example",
        5,
        "clicks_unique",
    )
    assert dispatch["seed_lists"] == [{"id": seeds["id"], "name": "Us"}]
    for wrong in (
        {"name": " "},
        {"custom_headers": "Bcc: x@example.com"},
        {"d_seed_list_ids": [1], "d_seed_list_names": ["x"]},
        {"d_speed": -1},
        {"is_remote_list": True},
    ):
        refused(api.put(base, {"mailing_list": wrong}))
    refused(api.post("mailing_lists", {"mailing_list": {"name": "READERS"}}))


def test_fields_are_listed_with_the_global_ones_and_kept_while_in_use(api, made):
    _, base = made
    everywhere = done(api.post("custom_fields", {"name": "City", "field_type": "text", "maximum_length": 20}))
    rows = done(api.get(f"{base}/custom_fields"))

    assert [row["name"] for row in rows] == ["First Name", "Age", "Plan", "Topics", "Member", "City"]
    assert rows[2]["options"][1] == {"id": 1, "index": 1, "name": "Plus"}
    assert (everywhere["is_global"], everywhere["maximum_length"]) == (True, 20)
    assert [row["name"] for row in done(api.get("custom_fields"))] == ["City"]
    assert done(api.get("custom_fields/deleted")) == []
    assert done(api.put(f"custom_fields/{everywhere['id']}", {"name": "Town"}))["name"] == "Town"
    age = rows[1]["id"]
    clause = {"type": "custom_field", "custom_field": {"name": "Age"}, "operator": ">", "value": 5}
    campaign = done(
        api.post(f"{base}/campaigns", {"campaign": {"name": "x", "segmentation_criteria_ad_hoc": [clause]}})
    )
    kept = api.delete(f"{base}/custom_fields/{age}")
    refused(kept)
    assert kept["data"] == {"dependencies": [{"type": "campaign", "id": campaign["id"]}]}
    assert done(api.delete(f"{base}/custom_fields/{rows[4]['id']}")) is None
    refused(api.post("custom_fields", {"custom_field": {"name": "City Two", "field_type": "colour"}}))
    refused(api.post("custom_fields/promote", {"promote": {"custom_field_id": age}}))


def test_subscribers_come_as_they_are_written_and_are_changed_in_part(api, made, organization):
    zoe, base = made
    assert zoe["email"] == "zoe@example.com"
    assert zoe["status"] == "active"
    assert zoe["created_at_epoch"] > 0
    assert zoe["custom_fields"]["Age"] == {"name": "Age", "type": "number", "value": 7}
    assert zoe["custom_fields"]["Member"]["value"] is True

    changed = done(
        api.put(f"{base}/subscribers/zoe%40example.com", {"subscriber": {"custom_fields": {"Plan": "plus"}}})
    )
    assert changed["custom_fields"]["Plan"]["value"] == "Plus"
    assert changed["custom_fields"]["Age"]["value"] == 7
    left = done(
        api.put(f"{base}/subscribers/{zoe['id']}", {"subscriber": {"status": "unsubscribed", "email": "z@x.example"}})
    )
    assert (left["status"], left["email"]) == ("unsubscribed", "z@x.example")
    refused(api.put(f"{base}/subscribers/{zoe['id']}", {"subscriber": {"status": "active"}}))
    back = {"subscriber": {"status": "active", "subscribe_ip": "192.0.2.7", "custom_fields": None}}
    assert done(api.put(f"{base}/subscribers/{zoe['id']}", back))["status"] == "active"
    for wrong in (
        {"email": "z@x.example", "custom_fields": {"First Name": "Z"}},
        {"email": "nobody"},
        {"email": "q@x.example"},
        {"email": "q@x.example", "custom_fields": {"First Name": "Q", "Shoe": 1}},
        {"email": "q@x.example", "custom_fields": {"First Name": "Q", "Age": "old"}},
        {"email": "q@x.example", "custom_fields": {"First Name": "Q"}, "status": "asleep"},
    ):
        refused(api.post(f"{base}/subscribers", {"subscriber": wrong}))
    assert Subscription.objects.count() == 1


def test_subscribers_are_listed_by_page_and_by_token(api, readers):
    base = f"mailing_lists/{readers.pk}/subscribers"
    by_page = api.get(f"{base}?page=1&per_page=2")
    assert (len(done(by_page)), by_page["num_records"], by_page["num_pages"]) == (1, 3, 2)

    first = api.get(f"{base}?per_page=2")
    second = api.get(f"{base}?per_page=2&page_token={first['next_page_token']}")

    ids = [row["id"] for row in done(first) + done(second)]
    assert len(ids) == 3
    assert ids == sorted(ids)
    assert second["next_page_token"] is None
    assert len(done(api.get(f"{base}/{ids[0]},{ids[1]},nobody@example.com"))) == 2
    refused(api.get(f"{base}/nobody@example.com"), "not_found")
    refused(api.get(f"{base}?page=0&page_token=1"), "invalid_request")
    refused(api.get(f"{base}?per_page=501"), "requested_too_many")
    refused(api.get(f"{base}/{','.join(map(str, range(101)))}"), "requested_too_many")


def test_a_file_inside_a_request_is_imported(api, made, django_capture_on_commit_callbacks):
    _, base = made
    body = {
        "begins_at": "now",
        "column_mapping": ["email", "First Name", None],
        "file_source": {"type": "json", "content": "Mail,Name,x\nann@example.com,Ann,1\nbad,Bo,2\n"},
        "file_format": {"csv_field_separator": ","},
    }
    with django_capture_on_commit_callbacks(execute=True):
        begun = done(api.post(f"{base}/subscriber_imports", {"subscriber_import": body}))

    shown = done(api.get(f"subscriber_imports/{begun['id']}"))
    assert shown["state"] == "finished"
    assert (shown["stats"]["subscribers"]["added"], shown["stats"]["subscribers"]["failed"]) == (1, 1)
    assert shown["column_mapping"][0] == "email"
    assert done(api.get(f"{base}/subscriber_imports?scope=finished"))[0]["id"] == begun["id"]
    log = api.send("GET", f"subscriber_imports/{begun['id']}/logs/failed")
    assert "bad" in log.content.decode()
    refused(api.get(f"subscriber_imports/{begun['id']}/logs/added"), "not_found")
    for act in ("pause", "unpause", "cancel"):
        refused(api.post(f"subscriber_imports/{begun['id']}/{act}"))
    for wrong in (
        {"file_source": {"type": "url", "url": "https://example.com/"}},
        {"column_mapping": ["First Name"]},
        {"column_mapping": ["email", "Shoe"]},
        {"begins_at": "2030-01-01"},
    ):
        refused(api.post(f"{base}/subscriber_imports", {"subscriber_import": {**body, **wrong}}))


def test_segments_are_written_described_and_kept_while_in_use(api, readers):
    base = f"mailing_lists/{readers.pk}/segments"
    clause = {"type": "email_address", "operator": "contains", "value": "reader"}
    made = done(api.post(base, {"segment": {"name": "Readers", "definition": [clause]}}))
    assert made["definition"] == [clause]
    assert made["description"] == "All of the following criteria ... (Email Address contains reader)"

    assert [row["id"] for row in done(api.get(f"{base}?name=READERS"))] == [made["id"]]
    assert done(api.get("segments?name_contains=nobody")) == []
    criteria = done(api.get("segmentation_criterias"))
    assert (criteria[0]["id"], criteria[0]["name"], criteria[0]["mailing_list_id"]) == (
        made["id"],
        "Readers",
        readers.pk,
    )
    refused(api.put(f"segments/{made['id']}", {"segment": {"definition": [{"type": "moon"}]}}), "invalid_request")
    everybody = done(api.put(f"segments/{made['id']}", {"segmentation_criteria": {"criteria": []}}))
    assert everybody["definition"] == []
    campaign = {"name": "x", "segmentation_criteria_id": str(made["id"])}
    done(api.post(f"mailing_lists/{readers.pk}/campaigns", {"campaign": campaign}))
    refused(api.delete(f"segments/{made['id']}"))


def test_addresses_and_domains_are_suppressed(api, readers):
    named = done(api.post("suppression_lists", {"suppression_list": {"name": "Ours", "mailing_list_id": readers.pk}}))
    whole = done(api.get("suppression_lists"))
    assert [row["name"] for row in whole] == ["Ours", "Organization Suppression List"]

    base = f"suppression_lists/{whole[1]['id']}/suppressed_addresses"
    assert (
        done(api.post(f"{base}/create_multiple", {"data": ["@spam.example", "Bob@example.com", "bob@example.com"]}))
        is None
    )
    rows = api.get(f"{base}?page=0&per_page=250")
    assert [(row["email"], row["address_type"]) for row in done(rows)] == [
        ("@spam.example", "d"),
        ("bob@example.com", "a"),
    ]
    assert rows["num_records"] == 2
    refused(api.post(f"{base}/create_multiple", {"data": ["nobody"]}))
    refused(api.post(f"{base}/create_multiple", {"data": ["0" * 32]}))
    done(api.delete(f"{base}/bob@example.com"))
    assert Suppression.objects.count() == 1
    refused(api.post("suppression_lists", {"suppression_list": {"name": "Ours"}}))
    assert done(api.put(f"suppression_lists/{named['id']}", {"name": "Mine"}))["name"] == "Mine"


def test_a_list_is_deleted_with_its_code_alone(api, made, readers):
    _, base = made
    code = done(api.get(f"{base}/delete_confirmation_code"))["delete_confirmation_code"]
    other = f"mailing_lists/{readers.pk}"

    refused(api.delete(f"{other}/confirmed/{code}"))
    refused(api.delete(f"{base}/confirmed/{'0' * 40}:1"))
    assert done(api.delete(f"{base}/confirmed/{code}")) is None
    assert [row["id"] for row in done(api.get("mailing_lists"))] == [readers.pk]


def test_what_can_be_looked_up_says_what_a_campaign_takes(api, settings):
    settings.BOUNCE_ADDRESS = "bounces+*@mail.example.com"

    assert done(api.get("virtual_mtas")) == [{"id": 0, "type": "default_route", "name": "System Default Route"}]
    assert done(api.get("url_domains")) == [{"id": 1, "domain": "localhost"}]
    assert done(api.get("bounce_emails")) == [
        {"id": "1@1", "username": "bounces", "domain": "mail.example.com", "email": "bounces@mail.example.com"}
    ]


def test_an_administrator_reads_members_and_makes_keys(api, alice, organization):
    refused(api.get("api_keys"), "not_authorized")
    admin = program(alice, organization)
    made = done(admin.post(f"organization/{organization.pk}/api_keys", {"api_key": {"name": "shop"}}))

    assert done(admin.get("mailing_lists", header=f"Basic {made['api_key']}")) == []
    assert [row["name"] for row in done(admin.get("api_keys?name_contains=SHO"))] == ["shop"]
    assert done(admin.put(f"api_keys/{made['id']}", {"api_key": {"active": False}}))["active"] is False
    assert admin.send("GET", "mailing_lists", header=f"Basic {made['api_key']}").status_code == 401
    shown = done(admin.put(f"organizations/{organization.pk}", {"time_zone_name": "Central Time (US & Canada)"}))
    assert shown["time_zone_name"] == "(GMT-06:00) Central Time (US & Canada)"
    assert {row["role"] for row in done(admin.get("users"))} == {"organization_admin", "user"}
    refused(admin.get("organizations/999999"), "not_found")


def test_the_token_of_a_mail_unsubscribes_as_its_link_does(api, organization, charlie):
    campaign, run = sending(people=1, organization=organization)
    reader = run.recipients.get()
    about = {"run_id": run.pk, "recipient_id": reader.pk, "subscriber_id": reader.subscriber_id}
    token = recipient_token(Purpose.UNSUBSCRIBE, **about)

    gone = done(api.post("subscribers/unsubscribe", {"unsubscribe": {"token": token, "ip": "192.0.2.7"}}))
    ingest()

    assert gone["status"] == "unsubscribed"
    stats = done(api.get(f"campaigns/{campaign.pk}"))["stat_summary"]
    assert (stats["unsubs_total"], stats["unsubs_unique"]) == (1, 1)
    assert Subscription.objects.get(subscriber=reader.subscriber_id).unsubscribe_ip_address == "192.0.2.7"
    stranger = program(charlie, charlie.memberships.get().organization)
    for caller, wrong in ((stranger, token), (api, "x"), (api, token[:-1]), (api, None)):
        refused(caller.post("subscribers/unsubscribe", {"unsubscribe": {"token": wrong}}), "not_found")
    refused(api.post("mailing_lists/1/subscribers/1/trigger_autoresponders"), "invalid_request")


@race
def test_of_two_who_make_the_same_at_once_the_second_is_told(api, readers):
    base = f"mailing_lists/{readers.pk}"
    bodies = [
        (f"{base}/custom_fields", {"custom_field": {"name": "Age", "field_type": "number"}}),
        ("custom_fields", {"custom_field": {"name": "Town", "field_type": "text"}}),
        ("mailing_lists", {"mailing_list": {"name": "New"}}),
    ]
    for path, body in bodies:
        answers = at_once(*[lambda path=path, body=body: api.post(path, body)] * 3)
        codes = sorted(str(each["error_code"]) for each in answers)
        assert codes == ["None", "validation_failed", "validation_failed"], answers
    changes = ({"d_speed": 7}, {"d_reply_to": "a@b.example"})
    at_once(*[lambda change=change: api.put(base, {"mailing_list": change}) for change in changes])
    shown = done(api.get(base))
    assert (shown["d_speed"], shown["d_reply_to"]) == (7, "a@b.example")


def test_long_lists_ask_the_database_as_often_as_short_ones(api, made, organization):
    _, base = made
    paths = (f"{base}/subscribers", f"{base}/subscribers?page=0", f"{base}/custom_fields", "mailing_lists", "jobs/all")

    def asked():
        found = []
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                done(api.get(path))
            found.append(len(queries))
        return found

    campaign_in("sending", organization, people=1)
    few = asked()
    for number in range(4):
        campaign_in("sending", organization, people=1)
        subscriber = {"email": f"x{number}@example.com", "custom_fields": {"First Name": "X"}}
        done(api.post(f"{base}/subscribers", {"subscriber": subscriber}))
        done(api.post(f"{base}/custom_fields", {"custom_field": {"name": f"X{number}", "field_type": "text"}}))
        done(api.post("mailing_lists", {"mailing_list": {"name": f"X{number}", "d_speed": 5}}))

    assert asked() == few
    assert max(few) < 20

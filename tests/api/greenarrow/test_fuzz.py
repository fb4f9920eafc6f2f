"""Requests of any shape: never a fault of the server, never another organization's data, never half a write."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.greenarrow import handlers
from api.greenarrow.campaigns import dispatch_keys, templates, wanted, winner
from api.greenarrow.routing import routes
from audience.models import CustomField, MailingList, Segment, Subscription
from campaigns.models import Campaign
from tests.api.greenarrow.conftest import program
from tests.examples import examples
from tests.factories import SegmentFactory, campaign_in, draft_campaign, staff

SECRET = "Nobody else reads this"
assert handlers.__all__  # importing them registers the routes
ROUTES = sorted(routes(), key=lambda each: (each.template, each.method))
KEYS = sorted(
    {"name", "contents", "html", "text", "subject", "format", "campaign", "dispatch_attributes", "source_template_id"}
    | {*wanted.SEGMENT_KEYS, *wanted.FLAT, *dispatch_keys.SEED_KEYS, *winner.KEYS, *templates.CONTENT_KEYS}
    | {"state", "paused", "begins_at", "speed", "from_email", "reply_to", "track_links", "autowinner_enabled"}
    | {"subscriber", "email", "status", "custom_fields", "subscribe_time", "subscribe_ip", "data", "token", "options"}
    | {"mailing_list", "custom_field", "field_type", "segment", "definition", "type", "operator", "value", "clauses"}
    | {"subscriber_import", "column_mapping", "file_source", "content", "preview", "recipients", "addresses_array"}
    | {
        "duplicate_content",
        "duplicate_dispatch",
        "id",
        "_destroy",
        "page",
        "time_zone_name",
        "custom_headers",
        "active",
    }
)
WORDS = [
    "",
    "1",
    "x",
    "text",
    "json",
    "idle",
    "sending",
    "cancelled",
    "scheduled",
    "now",
    "bob@example.com",
    "any",
    "is",
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 12),
    st.sampled_from([2**31, 2**63, 10**30, -(2**63), 0.5, 1e308, 20]),
    st.sampled_from([*WORDS, "subscriber_status", "active", "2030-01-01 9:00AM EST", "\u0000", "%%email%%", "1@1"]),
    st.text(max_size=20),
)
documents = st.recursive(
    scalars,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from(KEYS), below, max_size=6)),
    max_leaves=25,
)
# Good ones, of which some keys are then something else.
GOOD = [
    {"campaign": {"name": "x", "contents": [{"subject": "s", "html": "h"}], "segmentation_criteria_ad_hoc": []}},
    {"campaign": {"name": "x", "dispatch_attributes": {"from_email": "a@b.example", "speed": 1, "begins_at": "now"}}},
    {
        "campaign": {
            "dispatch_attributes": {"autowinner_enabled": True, "autowinner_percentage": 20, "seed_list_ids": []}
        }
    },
    {
        "campaign": {
            "segmentation_criteria_ad_hoc": [{"type": "subscriber_status", "operator": "is", "value": "active"}]
        }
    },
    {"template": {"name": "x", "contents": [{"subject": "s", "text": "h"}], "dispatch_attributes": {"speed": 1}}},
    {"mailing_list": {"name": "x", "d_speed": 1, "custom_headers": "X-A: b", "d_from_email": "a@b.example"}},
    {"subscriber": {"email": "new@example.com", "status": "active", "subscribe_ip": "192.0.2.1", "custom_fields": {}}},
    {"custom_field": {"name": "x", "field_type": "select_single_radio", "options": [{"name": "a"}]}},
    {"segment": {"name": "x", "definition": {"type": "any", "clauses": [{"type": "domain", "operator": "is_in"}]}}},
    {"subscriber_import": {"column_mapping": ["email"], "file_source": {"type": "json", "content": "e\na@b.example"}}},
    {"seed_list": {"name": "x", "addresses_array": ["a@b.example"]}},
    {"suppression_list": {"name": "x"}, "data": ["a@b.example", "@c.example"]},
    {"api_key": {"name": "x", "active": True}, "organization": {"name": "x"}, "preview": {"recipients": []}},
]


def changed(document, changes):
    """The document with what stands at these keys, wherever they are, being something else."""
    if isinstance(document, dict):
        return {key: changes[key] if key in changes else changed(below, changes) for key, below in document.items()}
    return [changed(below, changes) for below in document] if isinstance(document, list) else document


nearly_good = st.builds(changed, st.sampled_from(GOOD), st.dictionaries(st.sampled_from(KEYS), documents, max_size=2))
bodies = st.one_of(
    nearly_good.map(lambda document: json.dumps(document).encode("utf-8", "surrogatepass")),
    documents.map(lambda document: json.dumps(document).encode("utf-8", "surrogatepass")),
    st.binary(max_size=40),
)
PARAMETERS = ("state", "started_at__start", "started_at__end", "page", "per_page", "page_token", "url", "content_id")
PARAMETERS += ("scope", "clear_cache", "include_engine_sendid", "name", "name_contains", "order_by")
parameters = st.dictionaries(
    st.sampled_from(PARAMETERS),
    st.one_of(st.sampled_from([*WORDS, "0", "-1", "501", str(2**70), "*", "https://*x*"]), st.text(max_size=8)),
    max_size=3,
)


@pytest.fixture(scope="module")
def world(shared_db):
    """An organization with a program, and another one whose every text is a secret."""
    with shared_db():
        mine = campaign_in("scheduled", people=1)
        theirs = draft_campaign(name=SECRET, people=1)
        theirs.organization.name = SECRET
        theirs.organization.save()
        MailingList.objects.filter(organization=theirs.organization).update(name=SECRET)
        SegmentFactory(organization=theirs.organization, name=SECRET)
        CustomField.objects.create(organization=theirs.organization, key="secret", name=SECRET)
        me = staff(mine.organization, "admin")
        return program(me.user, mine.organization), theirs.organization


def rows_of(organization):
    """Everything of theirs that anybody could have changed."""
    found = {}
    for model in (Campaign, MailingList, Segment, CustomField):
        found[model] = list(model.objects.filter(organization=organization).order_by("pk").values())
    found[Subscription] = list(Subscription.objects.of(organization).order_by("pk").values())
    return found


@settings(max_examples=examples(360), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ROUTES),
    ids=st.lists(
        st.one_of(st.just("1"), st.integers(0, 3).map(str), st.sampled_from(["x", "1@1", "bob@example.com", "9" * 25]))
    ),
    query=parameters,
    body=bodies,
)
@pytest.mark.django_db
def test_no_request_is_a_fault_or_shows_what_is_anothers(world, route, ids, query, body):
    program_, theirs = world
    before = rows_of(theirs)
    path, given_ids = route.template, iter(ids)
    for part in route.parts:
        if part.startswith("{"):
            path = path.replace(part, next(given_ids, "1"), 1)

    response = program_.client.generic(
        route.method,
        f"/ga/api/v2/{path}",
        body,
        content_type="application/json",
        QUERY_STRING="&".join(f"{key}={_quoted(value)}" for key, value in query.items()),
        HTTP_AUTHORIZATION=program_.header,
    )

    text = response.content.decode()
    assert response.status_code == 200, text
    assert "Traceback" not in text
    assert SECRET not in text
    if not response["Content-Type"].startswith("text/csv"):
        assert {"success", "data", "error_code", "error_message"} <= json.loads(text).keys()
    assert rows_of(theirs) == before


def _quoted(value):
    from urllib.parse import quote

    return quote(value.encode("utf-8", "surrogatepass"))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(KEYS), documents, max_size=5))
@pytest.mark.django_db
def test_what_is_refused_leaves_nothing_behind(world, changes):
    program_, _ = world
    mailing_list = MailingList.objects.filter(organization=program_.organization_id).first()
    counted = [Campaign.objects.count(), Segment.objects.count()]

    body = {"campaign": {"name": "x", "segmentation_criteria_ad_hoc": [], **changes}}
    envelope = program_.post(f"mailing_lists/{mailing_list.pk}/campaigns", body)

    made = [Campaign.objects.count(), Segment.objects.count()]
    assert envelope["error_code"] != "internal_error"
    assert made == counted if not envelope["success"] else made[0] == counted[0] + 1

"""Whatever is sent to whichever command: an answer of the documented kind, nothing of others, and nothing half done."""

import json

import pytest
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.octeth import registry
from api.octeth.registry import COMMANDS, Access
from tests.api.management.routes import everything_stored
from tests.api.octeth.conftest import Wire, key_of, read
from tests.examples import examples
from tests.factories import MembershipFactory, OrganizationFactory, campaign_in

pytestmark = pytest.mark.django_db
registry.load()


def words(text):
    return text.split()


NAMES = words(
    "CampaignID CampaignName CampaignStatus RelEmailID ScheduleType SendDate SendTime SendTimeZone ScheduleRecHours "
    "ABTesting RecipientListsAndSegments RulesJsonBundle AutoResendEnabled AutoResendWaitDays ListID "
    "SubscriberListID EmailAddress SubscriberID SegmentID SegmentName SegmentOperator RulesJson RulesJSON "
    "RulesOperator EmailID EmailIDs ValidateScope Mode HTMLContent TagID Tag Tags Campaigns CampaignIDs Lists "
    "CustomFieldID FieldName FieldType OptionLabel Fields CustomFields Subscribers ImportStep ImportData "
    "MappedFields ImportFrom RecordsFrom RecordsPerRequest OrderField OrderType Date_From StatisticsDays "
    "RetrieveStatistics SearchKeyword SubscriberSegment SearchField EmailAddresses ResponseFormat Username Password "
    "SessionID Interval Activity GroupBy TestSize TestDuration Winner JSONPCallBack Access"
)
WORDS = ["", "0", "1", "-1", "abc", "true", "2099-01-01", "0000-00-00", "10:00", "Ready", "Recursive", "Future", "and"]
WORDS += ["[[]]", "{", '{"Variations": [1, 2]}', "ann@example.com", "%", "Active", "XML", "1:1", "99999999999999999999"]
values = st.recursive(
    st.sampled_from(WORDS) | st.text(max_size=8) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)
# They act on what the client has just been told, or begin something that outlasts the request.
LOGGING_IN = {"user.login", "admin.login", "user.logout"}


@pytest.fixture(scope="module")
def world(shared_db):
    """Two organizations; what the program of one asks must not show anything of the other."""
    with shared_db():
        mine, theirs = OrganizationFactory(name="Mine"), OrganizationFactory(name="Evening Star")
        campaign_in("sent", theirs, name="Their secret")
        campaign_in("scheduled", mine)
        return key_of(MembershipFactory(organization=mine, role="admin", trusted=True).user)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_without_a_credential_no_command_but_a_public_one_does_anything(world, db, name):
    cache.clear()
    answer = read(Wire().send(name))
    public = COMMANDS[name].access is Access.PUBLIC

    assert answer["Success"] is False or name == "user.logout"
    assert public or answer["ErrorCode"] == 99998


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_without_parameters_is_answered(world, db, name):
    cache.clear()
    answer = Wire(world).send(name)

    assert answer.status_code == 200
    assert isinstance(read(answer), dict)


@given(
    name=st.sampled_from(sorted(COMMANDS.keys() - LOGGING_IN)),
    sent=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    is_json=st.booleans(),
)
@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_breaks_a_command_or_shows_what_is_somebody_elses(world, db, name, sent, is_json):
    cache.clear()
    client = Client(raise_request_exception=True)
    body = {**sent, "Command": name, "APIKey": world}
    if is_json:
        answer = client.post("/api.php", json.dumps(body), content_type="application/json")
    else:
        form = {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in body.items()}
        answer = client.post("/api.php", {name: "" if value is None else value for name, value in form.items()})
    text = b"".join(answer).decode()

    assert answer.status_code in (200, 400)
    assert "Traceback" not in text
    assert "Their secret" not in text
    assert "Evening Star" not in text


@pytest.mark.parametrize("name", ["campaign.update", "subscriber.create", "customfield.create", "segment.create"])
def test_what_is_refused_changes_nothing(world, db, name):
    wire = Wire(world)
    wire("user.current")  # notes that the key was used
    before = everything_stored()
    wire(name, CampaignName="Changed", ListID="1", EmailAddress="x@example.com", ScheduleType="Future")

    assert everything_stored() == before

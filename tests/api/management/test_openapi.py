"""The API says of itself what it does, and does what it says."""

import json

import pytest
import schemathesis
from django.contrib.staticfiles import finders
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from config.wsgi import application
from tests.api.management.conftest import ROOT, key_of
from tests.api.management.routes import SNAPSHOT, belongings_of
from tests.examples import examples
from tests.factories import OrganizationFactory, staff

OPERATIONS = {
    "campaigns_list",
    "campaigns_create",
    "campaigns_retrieve",
    "campaigns_partial_update",
    "campaigns_destroy",
    "campaigns_schedule",
    "campaigns_send",
    "campaigns_cancel",
    "campaigns_stats",
}


AIMED = {
    "organization_id",
    "edition_id",
    "segment_id",
    "email_message_id",
    "mailing_list_ids",
    "subscriber_id",
    "scheduled_at",
}


@pytest.fixture(scope="module")
def generated():
    return json.loads(json.dumps(SchemaGenerator(urlconf="api.management.urls").get_schema(public=True)))


# --- the schema --------------------------------------------------------------------------------------------------


def test_the_schema_is_valid(generated):
    validate_schema(generated)


def test_the_committed_schema_is_current(generated):
    assert json.loads(SNAPSHOT.read_text()) == generated, "Run `make openapi` and look at what clients will notice."


def test_the_schema_is_served_to_anybody(client, generated):
    response = client.get(f"{ROOT}schema/")

    assert response.status_code == 200
    assert response.json() == generated


def test_operations_have_the_names_of_the_contract(generated):
    named = {operation["operationId"] for path in generated["paths"].values() for operation in path.values()}

    assert named >= OPERATIONS
    assert len(named) == sum(len(path) for path in generated["paths"].values())


def test_the_schema_says_where_it_is_and_how_to_get_in(generated):
    assert generated["openapi"] == "3.0.3"
    assert generated["servers"] == [{"url": "/api/management"}]
    assert generated["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}


def test_every_field_of_a_campaign_that_the_contract_names_is_in_the_schema(generated):
    properties = generated["components"]["schemas"]["Campaign"]["properties"]

    assert list(properties)[:4] == ["id", "name", "organization_id", "edition_id"]
    assert generated["components"]["schemas"]["Status"]["enum"] == [
        "draft",
        "scheduled",
        "calculating",
        "sending",
        "sent",
        "failed",
        "cancelled",
    ]


# --- the documentation pages -------------------------------------------------------------------------------------


def test_the_documentation_works_without_the_internet(client):
    page = client.get(f"{ROOT}docs/").content.decode()
    script = client.get(f"{ROOT}docs/?script=").content.decode()

    assert "https://" not in page
    assert "/static/drf_spectacular_sidecar/" in page
    assert f"{ROOT}schema" in script
    assert finders.find("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")


def test_the_root_leads_to_the_documentation(client):
    response = client.get(ROOT, follow=True)

    assert response.request["PATH_INFO"] == f"{ROOT}docs/"
    assert b"swagger-ui" in response.content


# --- the API against its schema ----------------------------------------------------------------------------------

schema = schemathesis.openapi.from_path(SNAPSHOT)
schema.app = application
schema.config.phases.coverage.enabled = False
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def belongings(shared_db):
    with shared_db():
        return belongings_of(OrganizationFactory(name="Morning Post"))


@pytest.fixture(scope="module")
def admin_key(shared_db, belongings):
    organization = belongings.by_kind["organizations"]
    with shared_db():
        return key_of(staff(organization).user, organization)


@pytest.fixture
def connection_kept():
    """A request that ends closes its connection, and with it the test's transaction; Django's own client does this."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def aim_at(case, belongings):
    """Most requests name things there are, or every answer would be a 404 or an unknown id."""
    kind = case.operation.path.strip("/").split("/")[0]
    if "id" in case.path_parameters and len(str(case.path_parameters["id"])) % 4:
        case.path_parameters["id"] = belongings.by_kind[kind].public_id
    if isinstance(case.body, dict) and len(case.body) % 4:
        named = {name: belongings.body[name] for name in case.body.keys() & AIMED if case.body[name] is not None}
        case.body.update(named)


@pytest.mark.django_db
@schema.parametrize()
@settings(
    max_examples=examples(12),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_does_what_its_schema_says(case, belongings, admin_key, connection_kept, settings):
    settings.API_REQUESTS_PER_MINUTE = 0
    aim_at(case, belongings)

    case.call_and_validate(headers={"Authorization": f"Bearer {admin_key}"}, checks=CHECKS)

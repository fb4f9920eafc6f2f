"""What holds for every address: who is let in, how refusals read, what is ignored."""

import json

import pytest
from django.test import Client

from accounts import keys
from accounts.actors import SYSTEM
from accounts.models import ApiKey
from accounts.permissions import membership_of
from tests.api.management.conftest import ROOT, client_of
from tests.factories import EditionFactory, draft_campaign

CAMPAIGNS = f"{ROOT}campaigns/"


# --- who is let in -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["campaigns/", "campaigns/cmp_x/", "auth/me/", "organizations/", "editions/"])
def test_without_credentials(db, path):
    response = Client().get(ROOT + path)

    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert response.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
def test_both_schemes_work_in_any_case(organization, bob, scheme):
    _, plain = keys.issue(membership_of(bob, organization), name="test", by=SYSTEM)

    response = Client().get(CAMPAIGNS, headers={"Authorization": f"{scheme} {plain}"})

    assert response.status_code == 200


@pytest.mark.parametrize("header", ["Bearer nonsense", "Token bs_" + "x" * 43, "Bearer \xfc"])
def test_a_wrong_key(db, header):
    response = Client().get(CAMPAIGNS, headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid token."}
    assert response.headers["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize("header", ["Bearer", "Token a b"])
def test_a_header_without_one_key(db, header):
    response = Client().get(CAMPAIGNS, headers={"Authorization": header})

    assert response.status_code == 401
    assert "Write the scheme" in response.json()["detail"]


def test_a_revoked_key(api, organization):
    keys.revoke(ApiKey.objects.get(), by=SYSTEM)

    response = api.get(CAMPAIGNS)

    assert response.status_code == 401
    assert response.json() == {"detail": "Invalid token."}


def test_another_scheme_is_nobodys(db):
    response = Client().get(CAMPAIGNS, headers={"Authorization": "Basic Ym9iOmJvYg=="})

    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}


def test_a_person_in_a_browser_uses_their_session(client, bob, organization):
    client.force_login(bob)

    assert client.get(CAMPAIGNS).status_code == 200


def test_a_browser_that_writes_proves_it_was_meant(bob, organization):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bob)

    response = browser.post(CAMPAIGNS, {}, content_type="application/json")

    assert response.status_code == 403
    assert response.json()["detail"].startswith("CSRF Failed")


def test_a_key_is_for_one_organization_only(bob, organization, charlie):
    other = charlie.memberships.get().organization
    bob.memberships.create(organization=other, role="admin")
    draft_campaign(other)
    client = client_of(bob, organization)

    assert client.get(CAMPAIGNS).json()["count"] == 0
    assert [each["name"] for each in client.get(f"{ROOT}auth/me/").json()["organizations"]] == [organization.name]
    assert client.get(f"{ROOT}organizations/{other.public_id}/").status_code == 404


def test_a_superusers_key_has_the_role_it_was_issued_for(organization, victor):
    victor.is_superuser = True
    victor.save()
    campaign = draft_campaign(organization)

    response = client_of(victor, organization).delete(f"{CAMPAIGNS}{campaign.public_id}/")

    assert response.status_code == 403


# --- how refusals read -------------------------------------------------------------------------------------------


@pytest.fixture
def body(organization):
    return {
        "organization_id": organization.public_id,
        "edition_id": None,
        "segment_id": None,
        "name": "Morning",
        "channel": "email",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": ""}, {"name": ["This field may not be blank."]}),
        ({"name": "   "}, {"name": ["This field may not be blank."]}),
        ({"name": None}, {"name": ["This field may not be null."]}),
        ({"name": "x" * 256}, {"name": ["Ensure this field has no more than 255 characters."]}),
        (
            {"name": "a\x00b"},
            {
                "name": [
                    "Null characters are not allowed.",
                    "Line breaks and control characters are not allowed here; write it on one line.",
                ]
            },
        ),
        ({"name": {"a": 1}}, {"name": ["Not a valid string."]}),
        ({"channel": "fax"}, {"channel": ['"fax" is not a valid choice.']}),
        ({"segment_id": "seg_x"}, {"segment_id": ['Invalid pk "seg_x" - object does not exist.']}),
        ({"segment_id": "seg_\x00"}, {"segment_id": ['Invalid pk "seg_\x00" - object does not exist.']}),
        ({"segment_id": 7}, {"segment_id": ["Incorrect type. Expected pk value, received int."]}),
        (
            {"scheduled_at": "soon"},
            {
                "scheduled_at": [
                    "Datetime has wrong format. Use one of these formats instead: "
                    "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
                ]
            },
        ),
        ({"sms_body": "x" * 1601}, {"sms_body": ["Ensure this field has no more than 1600 characters."]}),
        ({"tags": "red"}, {"tags": ['Expected a list of items but got type "str".']}),
        ({"tags": ["red", ""]}, {"tags": ["1: This field may not be blank."]}),
        (
            {"audience": [{"segment_id": None}, {"segment_id": "seg_x"}]},
            {
                "audience": [
                    "0.non_field_errors: Name a mailing_list_id, a segment_id or both.",
                    '1.segment_id: Invalid pk "seg_x" - object does not exist.',
                ]
            },
        ),
    ],
)
def test_what_is_wrong_with_a_field(api, body, change, expected):
    response = api.post(CAMPAIGNS, body | change)

    assert response.status_code == 400
    assert response.json() == expected


def test_a_body_that_is_a_list(api):
    response = api.post(CAMPAIGNS, [1])

    assert response.status_code == 400
    assert response.json() == {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}


@pytest.mark.parametrize("text", ["{", '{"name": NaN}', "[" * 100_000, "\xff"])
def test_a_body_that_is_no_json(api, text):
    response = api.post(CAMPAIGNS, text.encode("latin-1"), content_type="application/json")

    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("half", ["\\ud800", "a\\udfff", "\\udc00\\ud800"])
def test_half_of_a_surrogate_pair_is_no_character(api, body, half):
    for key in ("organization_id", "name", "channel"):
        written = json.dumps(body | {key: "?"}).replace('"?"', f'"{half}"')

        response = api.post(CAMPAIGNS, written, content_type="application/json")

        assert (response.status_code, list(response.json())) == (400, ["detail"])
        assert "a lone surrogate" in response.json()["detail"]
    assert api.post(CAMPAIGNS, body | {"name": "\U0001f600"}).json()["name"] == "\U0001f600"


def test_a_body_in_another_language(api):
    response = api.post(CAMPAIGNS, "<campaign/>", content_type="application/xml")

    assert response.status_code == 415
    assert response.json() == {"detail": 'Unsupported media type "application/xml" in request.'}


def test_a_form_is_not_json(api):
    response = api.post(CAMPAIGNS, "name=Morning", content_type="application/x-www-form-urlencoded")

    assert response.status_code == 415


def test_a_body_that_is_too_large(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = api.post(CAMPAIGNS, {"name": "x" * 2000})

    assert response.status_code == 413
    assert "1000 bytes" in response.json()["detail"]


@pytest.mark.parametrize("id_", ["cmp_" + "0" * 20, "cmp_x", "1", "cmp_%00", "%C3%BC", "cmp_0'--"])
def test_an_id_nobody_has(api, id_):
    response = api.get(f"{CAMPAIGNS}{id_}/")

    assert response.status_code == 404
    assert response.json() == {"detail": "No Campaign matches the given query."}


def test_there_is_no_put(api, organization):
    response = api.put(f"{CAMPAIGNS}{draft_campaign(organization).public_id}/", {})

    assert response.status_code == 405
    assert response.json() == {"detail": 'Method "PUT" not allowed.'}
    assert response.headers["Allow"] == "GET, PATCH, DELETE, HEAD"


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_an_address_where_nothing_is(api, method):
    response = getattr(api, method)(f"{ROOT}newsletters/")

    assert response.status_code == 404
    assert response.json() == {"detail": "Not found."}


# --- what is ignored ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["campaigns", "auth/me", "organizations", "editions/field-choices", "schema"])
def test_the_trailing_slash_is_optional(api, path):
    assert api.get(ROOT + path).status_code == 200
    assert api.get(f"{ROOT}{path}/").status_code == 200


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "*/*", "nonsense"])
def test_every_answer_is_json(api, accept):
    response = api.get(CAMPAIGNS, headers={"Accept": accept})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"


def test_a_format_parameter_means_nothing(api):
    assert api.get(CAMPAIGNS, {"format": "xml"}).status_code == 200


def test_times_are_iso_8601_in_utc(api, organization):
    shown = api.get(f"{ROOT}organizations/{organization.public_id}/").json()

    assert shown["created"] == organization.created_at.isoformat().replace("+00:00", "Z")


# --- not too often -----------------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_when_to_come_back(organization, bob, alice, settings, cache_of_its_own):
    settings.API_REQUESTS_PER_MINUTE = 2
    bobs, alices = client_of(bob, organization), client_of(alice, organization)
    bobs.get(CAMPAIGNS)
    bobs.get(CAMPAIGNS)

    response = bobs.get(CAMPAIGNS)

    assert response.status_code == 429
    wait = response.headers["Retry-After"]
    assert 0 < int(wait) <= 60
    assert response.json() == {"detail": f"Request was throttled. Expected available in {wait} seconds."}
    assert alices.get(CAMPAIGNS).status_code == 200


def test_the_limit_can_be_taken_away(api, settings):
    settings.API_REQUESTS_PER_MINUTE = 0

    assert {api.get(CAMPAIGNS).status_code for _ in range(3)} == {200}


# --- who may read and write --------------------------------------------------------------------------------------


def test_a_viewer_reads_and_does_not_write(viewer_api, organization):
    edition = EditionFactory(organization=organization)
    address = f"{ROOT}editions/{edition.public_id}/"

    assert viewer_api.get(address).status_code == 200
    refused = viewer_api.patch(address, {"name": "Mine"})
    assert refused.status_code == 403
    assert refused.json() == {"detail": "You do not have permission to perform this action."}


def test_somebody_without_any_organization_sees_nothing(client, django_user_model):
    nobody = django_user_model.objects.create_user("nobody")
    client.force_login(nobody)

    assert client.get(CAMPAIGNS).json() == {"count": 0, "next": None, "previous": None, "results": []}
    assert client.get(f"{ROOT}auth/me/").json()["organizations"] == []

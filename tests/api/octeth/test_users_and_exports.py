"""Accounts, which administrators see and superusers open; and tables of campaigns."""

import csv
import io

import pytest
from django.core.cache import cache

from accounts.models import Membership, Organization
from api.octeth.models import CampaignExport
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import draft_campaign

NEW = {
    "RelUserGroupID": 2,
    "EmailAddress": "new@star.example",
    "Username": "newcomer",
    "Password": "correct horse battery",
    "TimeZone": "(GMT+01:00) Berlin",
    "Language": "en",
    "CompanyName": "Evening Star",
}


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def root(alice):
    """The program of whoever runs the installation."""
    alice.is_superuser = True
    alice.save()
    return Wire(key_of(alice))


def test_an_administrator_sees_their_account(admin_wire, wire, organization):
    assert admin_wire("user.get", UserID=organization.pk)["UserInformation"]["CompanyName"] == "Morning Post"
    assert admin_wire("user.get", EmailAddress="BOB@staff.example")["UserInformation"]["Username"] == "bob"
    assert admin_wire("user.get")["ErrorCode"] == [1]
    assert admin_wire("user.get", UserID=999999)["ErrorCode"] == [3]
    assert wire("user.get", UserID=organization.pk)["ErrorCode"] == 99999


def test_a_superuser_opens_an_account(root, anybody):
    made = root("user.create", **NEW, ReputationLevel="Untrusted")
    member = Membership.objects.get(user__username="newcomer")

    assert made["UserID"] == member.organization_id
    assert (member.organization.timezone, member.role, member.trusted) == ("Europe/Berlin", "manager", False)
    assert anybody("user.login", Username="newcomer", Password=NEW["Password"])["Success"] is True


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        (dict.fromkeys(NEW, ""), [1, 2, 3, 4, 6, 8, 9]),
        ({"EmailAddress": "nobody"}, [10]),
        ({"RelUserGroupID": 9}, [11]),
        ({"Username": "Bob"}, [12]),
        ({"EmailAddress": "bob@staff.example"}, [13]),
        ({"Language": "xx"}, [14]),
        ({"ReputationLevel": "Famous"}, [15]),
        ({"Password": "12345"}, [4]),
        ({"TimeZone": "Mars"}, [6]),
    ],
)
def test_an_account_that_cannot_be_opened(root, bob, changes, codes):
    assert root("user.create", **{**NEW, **changes})["ErrorCode"] == codes
    assert Organization.objects.count() == 1


def test_an_administrator_of_one_organization_opens_none(admin_wire):
    assert admin_wire("user.create", **NEW)["ErrorCode"] == 99999


def test_one_changes_ones_own_account(wire, admin_wire, organization, bob, charlie):
    assert wire("user.update", UserID=organization.pk, FirstName="Robert", CompanyName="x")["Success"] is True
    bob.refresh_from_db()
    organization.refresh_from_db()
    assert (bob.first_name, organization.name) == ("Robert", "Morning Post")
    assert wire("user.update")["ErrorCode"] == 1
    assert wire("user.update", UserID=charlie.memberships.get().organization_id)["ErrorCode"] == 2
    assert wire("user.update", UserID=organization.pk, EmailAddress="charlie@staff.example")["ErrorCode"] == 6
    admin_wire("user.update", UserID=organization.pk, CompanyName="Evening Post", TimeZone="Europe/Berlin")
    organization.refresh_from_db()
    assert (organization.name, organization.timezone) == ("Evening Post", "Europe/Berlin")


# --- tables of campaigns -------------------------------------------------------------------------------------------


def test_campaigns_are_exported_without_formulas(wire, organization):
    draft_campaign(organization, name="=1+1")
    draft_campaign(organization, name="Beta")
    fields = "CampaignName,campaignstatus,EmailSubject,RecipientLists"
    made = wire.v1("campaigns.export", FieldsToExport=fields, OrderField="CampaignName").json()
    job = wire.v1("campaigns.export", method="get", JobID=made["JobID"]).json()
    text = (
        wire.v1("campaigns.export", method="get", ExportID=made["ExportID"], Download=1).getvalue().decode("utf-8-sig")
    )
    rows = list(csv.reader(io.StringIO(text)))

    assert (made["EstimatedRows"], job["Status"], job["RowCount"]) == (2, "Completed", 2)
    assert rows[0] == ["CampaignName", "CampaignStatus", "EmailSubject", "RecipientLists"]
    assert rows[1][:3] == ["'=1+1", "Draft", "Good morning"]
    assert rows[2][0] == "Beta"


@pytest.mark.parametrize(
    ("sent", "code"),
    [({"ExportFormat": "pdf"}, 1), ({}, 2), ({"FieldsToExport": "CampaignID,Secrets"}, 3)],
)
def test_an_export_that_cannot_be(wire, sent, code):
    answer = wire.v1("campaigns.export", **sent)

    assert (answer.status_code, answer.json()["Errors"][0]["Code"]) == (422, code)


def test_an_export_is_found_only_by_its_owner_and_for_a_day(wire, charlie):
    made = wire.v1("campaigns.export", FieldsToExport="CampaignID").json()["JobID"]

    assert wire.v1("campaigns.export", method="get").status_code == 422
    assert wire.v1("campaigns.export", method="get", JobID="x").json()["Errors"][0]["Code"] == 2
    assert Wire(key_of(charlie)).v1("campaigns.export", method="get", JobID=made).status_code == 404
    CampaignExport.objects.update(created_at="2001-01-01T00:00Z")
    assert wire.v1("campaigns.export", method="get", JobID=made).status_code == 410

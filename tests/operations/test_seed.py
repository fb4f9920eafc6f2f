"""The demo organization."""

import csv
import re
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from accounts.models import Membership, Organization, User
from accounts.permissions import Permission, may
from audience.models import MailingList, Subscriber
from campaigns import approval, completeness
from campaigns.models import Campaign
from operations.seed import SUBSCRIBERS, seed


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"


def rows():
    with SUBSCRIBERS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_names_nobody_who_exists():
    """Addresses of reserved domains (RFC 2606), numbers kept for fiction in Britain, France, America."""
    fiction = re.compile(r"\+447700900\d{3}|\+33639980\d{3}|\+1\d{3}55501\d\d|")

    assert len(rows()) == len({row["email"] for row in rows()}) == 1000
    assert all(re.fullmatch(r"[a-z0-9.]+@example\.(com|org|net)", row["email"]) for row in rows())
    assert all(fiction.fullmatch(row["phone"]) for row in rows())


def test_there_is_something_to_send_to_a_thousand_people(db):
    organization = seed().organization

    campaign = Campaign.objects.of(organization).get()
    everybody, supporters = MailingList.objects.of(organization)
    assert Subscriber.objects.of(organization).count() == 1000
    assert (everybody.subscriptions.count(), supporters.subscriptions.count()) == (
        1000,
        sum(row["plan"] == "supporter" for row in rows()),
    )
    assert completeness.problems(campaign) == {}
    assert completeness.findings(campaign) == []
    assert [tag.name for tag in campaign.tags.all()] == ["newsletter"]


def test_its_people_log_in_and_do_what_their_role_allows(db):
    seeded = seed()

    people = {name: authenticate(username=name, password=word) for name, word in seeded.passwords.items()}
    assert set(people) == {"marketer", "approver", "admin"}
    assert approval.is_required(seeded.organization, people["marketer"])
    assert may(people["marketer"], Permission.SEND, seeded.organization)
    assert may(people["approver"], Permission.APPROVE, seeded.organization)
    assert may(people["admin"], Permission.MANAGE_MEMBERS, seeded.organization)
    assert people["admin"].is_superuser


def test_a_second_time_changes_nothing_and_tells_no_password(db):
    first = seed()
    kept = User.objects.get(username="marketer").password
    Campaign.objects.update(name="Mine now")

    second = seed()

    assert second.organization == first.organization
    assert (second.is_new, second.passwords) == (False, {})
    assert User.objects.get(username="marketer").password == kept
    assert [campaign.name for campaign in Campaign.objects.all()] == ["Mine now"]


def test_an_account_that_exists_keeps_its_password_and_its_rights(db):
    User.objects.create_user("admin", email="someone@real.example", password="my own")

    seeded = seed()

    admin = authenticate(username="admin", password="my own")
    assert "admin" not in seeded.passwords
    assert not admin.is_superuser
    assert Membership.objects.filter(user=admin, organization=seeded.organization).exists()


def test_the_command_prints_each_password_once_and_then_never_again(db):
    first, second = StringIO(), StringIO()

    call_command("seed_demo", stdout=first)
    call_command("seed_demo", stdout=second)

    told = dict(re.findall(r"^ +(\w+) +(\S+)$", first.getvalue(), re.MULTILINE))
    assert authenticate(username="approver", password=told["approver"])
    assert Organization.objects.count() == 1
    assert not any(password in second.getvalue() for password in told.values())

import pytest

from tests.tracking import returned_mails as mails
from tracking.bounces import intake
from tracking.models import StrayMail

pytestmark = pytest.mark.django_db
LIST = "/admin/tracking/straymail/"


@pytest.fixture
def stray():
    intake.take(mails.dsn(diagnostic="smtp; 550 5.1.1 <script>alert(1)</script> unknown"), source="pipe")
    return StrayMail.objects.get()


def test_a_superuser_sees_what_could_not_be_matched_and_the_mail_as_it_came(admin_client, stray):
    assert b"bob@reader.example" in admin_client.get(LIST).content

    page = admin_client.get(f"{LIST}{stray.pk}/change/").content.decode()
    assert "Final-Recipient: rfc822; bob@reader.example" in page
    assert "<script>alert(1)" not in page


def test_nobody_else_does(login, alice, stray):
    assert login(alice).get(LIST).status_code == 403
    assert login(alice).get(f"{LIST}{stray.pk}/change/").status_code in (302, 403, 404)


def test_nobody_changes_or_adds_any(admin_client, stray):
    assert admin_client.post(f"{LIST}{stray.pk}/change/", {"subject": "x"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_an_empty_list_says_what_would_stand_there(admin_client):
    assert b"Every report that came back was counted" in admin_client.get(LIST).content

"""Emails, templates, tags for authors and conversions through Octeth's commands."""

import pytest
from django.core.cache import cache

from content.models import Email, MergeLanguage
from content.tokens import Purpose, recipient_token
from tests.api.octeth.conftest import Wire, key_of
from tests.factories import EmailFactory, campaign_in

pytestmark = pytest.mark.usefixtures("desk")

OK = {"Success": True, "ErrorCode": 0}
LETTER = {
    "ValidateScope": "Campaign",
    "Mode": "Empty",
    "EmailName": "June",
    "FromName": "Morning Post",
    "FromEmail": "post@news.example",
    "ReplyToName": "Desk",
    "ReplyToEmail": "desk@news.example",
    "Subject": 'Hello {{ Subscriber:FirstName|"there" }}',
    "HTMLContent": "<p>Hello. <a href='%Link:Unsubscribe%'>Leave</a></p>",
    "PlainContent": "Hello. %Link:Unsubscribe%",
}


@pytest.fixture(autouse=True)
def _nobody_asked_before():
    cache.clear()


@pytest.fixture
def letter(wire):
    made = wire("Email.Create")["EmailID"]
    assert wire("Email.Update", EmailID=made, **LETTER) == OK
    return made


def test_an_email_is_written_in_octeths_language_and_read_as_it_was_written(wire, letter):
    shown = wire("email.get", EmailID=letter)["EmailInformation"]

    assert Email.objects.get(pk=letter).merge_language == MergeLanguage.OCTETH
    written = {name: value for name, value in LETTER.items() if name != "ValidateScope"}
    assert {name: shown[name] for name in written} == written
    assert shown["ContentType"] == "Both"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ValidateScope": ""}, 9),
        ({"ValidateScope": "Everything"}, 10),
        ({"Mode": "Magic"}, 4),
        ({"Mode": "Template", "RelTemplateID": "999999"}, 5),
        ({"Mode": "Import"}, 2),
        ({"FromEmail": "nobody"}, 6),
        ({"ReplyToEmail": "nobody"}, 7),
        ({"ValidateScope": "OptIn"}, 13),
        ({"ValidateScope": "OptIn", "HTMLContent": "%Link:Confirm%"}, 14),
        ({"UTMTracking": "true"}, 18),
        ({"UTMTracking": "true", "UTMSource": "x"}, 19),
        ({"UTMTracking": "true", "UTMSource": "x", "UTMMedium": "x"}, 20),
    ],
)
def test_an_email_that_cannot_be_says_why_and_stays(wire, letter, changes, code):
    before = Email.objects.values().get(pk=letter)

    assert wire("email.update", EmailID=letter, **{**LETTER, "Subject": "New", **changes})["ErrorCode"] == [code]
    assert Email.objects.values().get(pk=letter) == before


def test_an_email_without_a_body_has_no_content(wire):
    made = wire("email.create")["EmailID"]

    assert wire("email.update", EmailID=made, ValidateScope="Campaign", Subject="x")["ErrorCode"] == [8]


def test_no_line_break_gets_into_a_header(wire, letter):
    wire("email.update", EmailID=letter, ValidateScope="Campaign", Subject="One\r\nBcc: x@example.com")

    assert Email.objects.get(pk=letter).subject == "One Bcc: x@example.com"


def test_emails_are_listed_duplicated_and_deleted(wire, letter):
    twin = wire("email.duplicate", EmailID=letter)
    listed = wire("emails.get", Fields="EmailName")

    assert twin["EmailName"] == "Copy of June"
    assert listed["Emails"] == [
        {"EmailID": twin["EmailID"], "EmailName": "Copy of June"},
        {"EmailID": letter, "EmailName": "June"},
    ]
    assert wire("emails.get", EmailIDs=f"{letter},x")["TotalEmailCount"] == 1
    assert wire("emails.get", EmailIDs=",".join(map(str, range(1, 102))))["ErrorCode"] == [3]
    assert wire("email.delete", EmailID=letter) == {**OK, "ErrorText": ""}
    assert Email.objects.count() == 1


def test_an_email_a_campaign_still_says_is_kept(wire, organization):
    campaign = campaign_in("scheduled", organization)
    email = campaign.variants.get().email

    assert wire("email.delete", EmailID=email.pk)["Success"] is True
    assert Email.objects.filter(pk=email.pk).exists()


def test_templates(wire):
    made = wire("email.template.create", TemplateName="Plain", TemplateHTMLContent="<p>%Link:Unsubscribe%</p>")
    number = made["TemplateID"]

    assert wire("email.template.create", TemplateName="x")["ErrorCode"] == [2]
    assert wire("email.template.update", TemplateID=number, TemplateName="Simple") == OK
    assert wire("email.template.get", TemplateID=number)["Template"]["TemplateName"] == "Simple"
    assert wire("email.templates.get")["TotalTemplateCount"] == 1
    email = wire("email.create")["EmailID"]
    sent = {"ValidateScope": "Campaign", "Mode": "Template", "RelTemplateID": number, "Subject": "x"}
    assert wire("email.update", EmailID=email, **sent) == OK
    assert Email.objects.get(pk=email).html == "<p>%Link:Unsubscribe%</p>"
    assert wire("email.template.delete", Templates=number) == OK


def test_html_as_text(wire):
    answer = wire.v1("email.html2text", HTMLContent="<p>One</p><script>x</script><p>Two &amp; three</p>")

    assert answer.json() == {"PlainContent": "One\n\nTwo & three\n"}
    assert wire.v1("email.html2text").json() == {"Errors": [{"Code": 1, "Message": "Missing HTMLContent parameter"}]}


def test_a_preview_that_cannot_be_sent(wire, letter, organization):
    assert wire("email.emailpreview", EmailID=letter, EmailAddress="x")["ErrorCode"] == [4]
    assert wire("email.emailpreview", EmailID=letter, SubscriberID="999999")["ErrorCode"] == [5]
    sent = {"EmailID": letter, "EmailAddress": "x@example.com"}
    assert wire("email.emailpreview", ListID="999999", **sent)["ErrorCode"] == [6]
    assert wire("email.emailpreview", CampaignID="999999", **sent)["ErrorCode"] == [7]
    broken = EmailFactory(organization=organization, html="{{ broken", subject="x")
    assert wire("email.emailpreview", EmailID=broken.pk, EmailAddress="x@example.com")["ErrorCode"] == [9]


def test_tags_for_authors(wire):
    news = wire("list.create", SubscriberListName="News")["ListID"]
    field = {"FieldName": "First name", "FieldType": "Single line", "MergeTagAlias": "FirstName"}
    wire("customfield.create", SubscriberListID=news, **field)
    found = wire("personalization.gettags", SubscriberListID=news, Categories="Subscriber,Link")["Tags"]

    assert "{{ Subscriber:FirstName }}" in [tag["Tag"] for tag in found["Subscriber"]]
    assert "%Link:Unsubscribe%" in [tag["Tag"] for tag in found["Link"]]
    assert "User" not in found
    tags = wire("Email.PersonalizationTags", **{"Scope[]": "OptLinks"})["PersonalizationTags"]
    assert [tag["Category"] for tag in tags] == ["OptLinks", "OptLinks"]


def test_a_shop_reports_what_was_bought(anybody, own_spool):
    token = recipient_token(Purpose.CONVERSION, run_id=1, recipient_id=1, subscriber_id=1)
    kept = anybody("internal.s2spostback.register", OCRID=token, Value="12.50", Channel="shop")

    assert kept == {**OK, "ocrid": token, "ErrorText": ""}
    assert [each for each in own_spool.rglob("*") if each.is_file()]
    assert anybody("internal.s2spostback.register")["ErrorCode"] == 1
    assert anybody("internal.s2spostback.register", OCRID="x")["ErrorCode"] == 2


def test_emails_of_others_read_as_missing(wire, letter, charlie):
    theirs = Wire(key_of(charlie))

    assert theirs("email.get", EmailID=letter) == theirs("email.get", EmailID=999999)
    assert theirs("email.update", EmailID=letter, **LETTER)["ErrorCode"] == [3]
    assert theirs("emails.get")["Emails"] == []

"""Emails and their templates (Octeth's Email.* and Emails.Get). What is new is written in Octeth's merge language."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.permissions import Permission, may
from api.octeth import echoes
from api.octeth.campaigns import campaigns
from api.octeth.errors import NOT_PERMITTED, Refused, Shape
from api.octeth.lists import lists
from api.octeth.models import Echo
from api.octeth.registry import Call, Limit, command
from api.octeth.rows import moment
from api.octeth.vocabulary import content_type
from audience.addresses import normalise_email
from audience.errors import InvalidAddress
from audience.models import Subscriber
from campaigns import drafts, removals
from campaigns.errors import CampaignError, Locked, NotReady
from content.errors import ContentError
from content.models import Email, MergeLanguage, Template
from content.plaintext import of_html
from delivery import previews
from delivery.errors import CannotSend

SCOPES = ("optin", "campaign", "autoresponder")
MODES = ("unlayer", "stripo", "editor", "empty", "template", "import")
ECHOED = (
    *("Mode", "FetchURL", "FetchPlainURL", "ImageEmbedding", "SenderDomain", "OpenTracking", "LinkTracking"),
    *("RelTemplateID", "ExtraContent1", "ExtraContent2", "ReplyToName", "UTMTracking", "UTMSource", "UTMMedium"),
    *("UTMCampaign", "UTMTerm", "UTMContent", "UTMMergeTags"),
)
UTM = {"UTMSource": 18, "UTMMedium": 19, "UTMCampaign": 20}
CONFIRM = ("%link:confirm%", "{{ link:confirm }}")
MOST_AT_ONCE = 100
PREVIEWS = Limit(30, 3600, "email.emailpreview")
NAMELESS = "Untitled"


def _email(call: Call, *, missing: int, unknown: int, lock: bool = False) -> Email:
    if not call.parameters.word("EmailID"):
        raise Refused(missing)
    rows = call.who.own(Email.objects.all())
    found = (rows.select_for_update() if lock else rows).filter(pk=call.parameters.whole("EmailID")).first()
    if found is None:
        raise Refused(unknown)
    return found


@command("email.create", writes=True)
def create(call: Call) -> dict[str, Any]:
    if not may(call.who.user, Permission.CREATE, call.organization):
        raise Refused(NOT_PERMITTED, text="Not enough privileges")
    made = Email.objects.create(
        organization=call.organization,
        title=NAMELESS,
        merge_language=MergeLanguage.OCTETH,
        created_by=call.who.user,
    )
    return {"EmailID": made.pk}


@command("email.update", shape=Shape.LIST, writes=True)
def update(call: Call) -> dict[str, Any]:
    given = call.parameters
    missing = [code for name, code in (("EmailID", 1), ("ValidateScope", 9)) if not given.word(name)]
    if missing:
        raise Refused(*missing)
    found = _email(call, missing=1, unknown=3, lock=True)
    _check(call, found)
    try:
        drafts.edit_email(found, by=call.by, **_changes(call, found))
    except NotReady as refusal:
        raise Refused(6 if "from_email" in refusal.problems else 8) from refusal
    except Locked as refusal:
        raise Refused(3) from refusal
    kept = {name: given.text(name) for name in ECHOED if given.given(name)}
    echoes.remember(call.organization, Echo.Kind.EMAIL, found.pk, kept)
    return {}


def _check(call: Call, found: Email) -> None:
    """Everything but the row itself, in the order of the codes."""
    given = call.parameters
    scope, mode = given.word("ValidateScope").lower(), given.word("Mode").lower()
    if scope not in SCOPES:
        raise Refused(10)
    if mode and mode not in MODES:
        raise Refused(4)
    template = given.whole("RelTemplateID")
    if mode == "template" and template and not call.who.own(Template.objects.filter(pk=template)).exists():
        raise Refused(5)
    if mode == "import" and not given.word("FetchURL"):
        raise Refused(2)
    for name, code in (("FromEmail", 6), ("ReplyToEmail", 7)):
        if given.word(name) and not _is_address(given.word(name)):
            raise Refused(code)
    html, text = _bodies(call, found)
    if not html.strip() and not text.strip() and mode not in ("import", "template"):
        raise Refused(8)
    if scope == "optin":
        _require_links(html, text)
    if given.flag("UTMTracking"):
        for name, code in UTM.items():
            if not given.word(name):
                raise Refused(code)


def _require_links(html: str, text: str) -> None:
    for body, code in ((html, 13), (text, 14)):
        if body.strip() and not any(mark in body.lower() for mark in CONFIRM):
            raise Refused(code)


def _is_address(written: str) -> bool:
    """A merge tag may stand for the address."""
    if "{{" in written or "%" in written:
        return True
    try:
        validate_email(written)
    except ValidationError:
        return False
    return True


def _bodies(call: Call, found: Email) -> tuple[str, str]:
    """As they will be: what is sent, else what is there, else what the template says."""
    given = call.parameters
    html = given.text("HTMLContent") if given.given("HTMLContent") else found.html
    text = given.text("PlainContent") if given.given("PlainContent") else found.text
    if not html and given.word("Mode").lower() == "template":
        template = call.who.own(Template.objects.filter(pk=given.whole("RelTemplateID"))).first()
        html = template.html if template else html
    return html, text


def _changes(call: Call, found: Email) -> dict[str, Any]:
    given = call.parameters
    html, text = _bodies(call, found)
    changes: dict[str, Any] = {"html": html, "text": text}
    columns = {
        "EmailName": ("title", 255),
        "Subject": ("subject", 998),
        "PreHeaderText": ("preheader", 500),
        "FromName": ("from_name", 200),
        "FromEmail": ("from_email", 254),
        "ReplyToEmail": ("reply_to", 254),
    }
    for name, (column, longest) in columns.items():
        if given.given(name):
            changes[column] = " ".join(given.text(name).split())[:longest]
    return changes


@command("email.get", shape=Shape.LIST)
def get(call: Call) -> dict[str, Any]:
    found = _email(call, missing=1, unknown=2)
    return {"EmailInformation": _row(found, echoes.of(Echo.Kind.EMAIL, [found.pk]).get(found.pk, {}))}


def _row(found: Email, echo: dict[str, Any]) -> dict[str, Any]:
    return {
        "EmailID": found.pk,
        "RelUserID": found.organization_id,
        "EmailName": found.title,
        "FromName": found.from_name,
        "FromEmail": found.from_email,
        "ReplyToName": echo.get("ReplyToName", ""),
        "ReplyToEmail": found.reply_to,
        "ContentType": content_type(found),
        "Mode": echo.get("Mode", "Empty"),
        "FetchURL": echo.get("FetchURL", ""),
        "FetchPlainURL": echo.get("FetchPlainURL", ""),
        "Subject": found.subject,
        "PreHeaderText": found.preheader,
        "PlainContent": found.text,
        "HTMLContent": found.html,
        "ImageEmbedding": echo.get("ImageEmbedding", "Disabled"),
        "RelTemplateID": int(echo["RelTemplateID"]) if str(echo.get("RelTemplateID", "")).isdecimal() else 0,
        "Options": {name: echo[name] for name in ECHOED if name.startswith("UTM") and name in echo},
        "Attachments": [],
    }


@command("emails.get", shape=Shape.LIST_TEXT)
def get_many(call: Call) -> dict[str, Any]:
    given = call.parameters
    rows = call.who.own(Email.objects.order_by("title", "pk"))
    if given.words("EmailIDs"):
        wanted = given.ids("EmailIDs")
        if not wanted:
            raise Refused(1, text="There is no valid email id")
        if len(wanted) > MOST_AT_ONCE:
            raise Refused(3, text=f"Ask for at most {MOST_AT_ONCE} emails at a time")
        rows = rows.filter(pk__in=wanted)
    page = list(rows)
    known = echoes.of(Echo.Kind.EMAIL, [each.pk for each in page])
    wanted_names = {word.lower() for word in given.words("Fields")} | {"emailid"}
    shown = [_row(each, known.get(each.pk, {})) for each in page]
    if given.words("Fields"):
        shown = [{name: value for name, value in row.items() if name.lower() in wanted_names} for row in shown]
    return {"ErrorText": "", "TotalEmailCount": len(shown), "Emails": shown}


@command("email.delete", shape=Shape.LIST, old=Shape.TEXT, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """An email that a campaign still has to say is kept, as a client that deletes it does not mean to stop that."""
    found = _email(call, missing=1, unknown=1)
    try:
        removals.delete_email(found, by=call.by)
    except Locked:
        return {"ErrorText": ""}
    return {"ErrorText": ""}


@command("email.duplicate", shape=Shape.LIST, writes=True)
def duplicate(call: Call) -> dict[str, Any]:
    if not may(call.who.user, Permission.CREATE, call.organization):
        raise Refused(NOT_PERMITTED, text="Not enough privileges")
    found = _email(call, missing=1, unknown=2)
    twin = drafts.duplicate_email(found, by=call.by, title=f"Copy of {found.title}"[:255])
    echo = echoes.of(Echo.Kind.EMAIL, [found.pk]).get(found.pk, {})
    echoes.remember(call.organization, Echo.Kind.EMAIL, twin.pk, echo)
    return {"EmailID": twin.pk, "EmailName": twin.title}


# --- looking at it ---------------------------------------------------------------------------------------------------


@command("email.emailpreview", shape=Shape.LIST, old=Shape.SCALAR, limit=PREVIEWS)
def preview(call: Call) -> dict[str, Any]:
    """Send it to one address, marked as a test, with the merge fields of the person who is named, if any is."""
    given = call.parameters
    missing = [code for name, code in (("EmailID", 1), ("EmailAddress", 2)) if not given.word(name)]
    if given.word("SubscriberID") and 2 in missing:
        missing.remove(2)
    if missing:
        raise Refused(*missing)
    found = _email(call, missing=1, unknown=3)
    person = _person(call)
    address = given.word("EmailAddress") or (person.email if person else "") or ""
    if given.word("ListID") and not lists(call).filter(pk=given.whole("ListID")).exists():
        raise Refused(6)
    if given.word("CampaignID") and not campaigns(call).filter(pk=given.whole("CampaignID")).exists():
        raise Refused(7)
    _send(call, found, address, person)
    return {}


def _person(call: Call) -> Subscriber | None:
    """By the number of their subscription, else who is known by the address."""
    given = call.parameters
    rows = call.who.own(Subscriber.objects.all())
    if number := given.whole("SubscriberID"):
        person = rows.filter(subscriptions__pk=number).first()
        if person is None:
            raise Refused(5)
        return person
    try:
        return rows.filter(email=normalise_email(given.word("EmailAddress"))).first()
    except InvalidAddress as refusal:
        raise Refused(4) from refusal


def _send(call: Call, found: Email, address: str, person: Subscriber | None) -> None:
    try:
        previews.send_test(found, [address], by=call.by, subscriber=person)
    except InvalidAddress as refusal:
        raise Refused(4) from refusal
    except (ContentError, NotReady) as refusal:
        raise Refused(9) from refusal
    except (CannotSend, CampaignError) as refusal:
        raise Refused(8) from refusal


@command("email.html2text", is_native=True, shape=Shape.ERRORS, limit=Limit(1000, 60))
def html_to_text(call: Call) -> dict[str, Any]:
    html = call.parameters.text("HTMLContent")
    if not html:
        raise Refused(1, text="Missing HTMLContent parameter")
    return {"PlainContent": of_html(html)}


# --- templates -------------------------------------------------------------------------------------------------------


def _template(call: Call, *, missing: int, unknown: int) -> Template:
    if not call.parameters.word("TemplateID"):
        raise Refused(missing)
    found = call.who.own(Template.objects.filter(pk=call.parameters.whole("TemplateID"))).first()
    if found is None:
        raise Refused(unknown)
    return found


def _template_row(found: Template) -> dict[str, Any]:
    zone = found.organization.timezone
    return {
        "TemplateID": found.pk,
        "RelOwnerUserID": found.organization_id,
        "TemplateName": found.name,
        "TemplateDescription": "",
        "TemplateSubject": "",
        "TemplateHTMLContent": found.html,
        "TemplatePlainContent": "",
        "CreatedOn": moment(found.created_at, zone),
    }


@command("email.templates.get", permission="EmailTemplates.Manage", shape=Shape.LIST)
def templates_get(call: Call) -> dict[str, Any]:
    rows = call.who.own(Template.objects.select_related("organization").order_by("name", "pk"))
    shown = [_template_row(each) for each in rows]
    return {"TotalTemplateCount": len(shown), "Templates": shown}


@command("email.template.get", permission="EmailTemplates.Manage", shape=Shape.LIST)
def template_get(call: Call) -> dict[str, Any]:
    return {"Template": _template_row(_template(call, missing=1, unknown=2))}


@command("email.template.create", permission="EmailTemplates.Manage", shape=Shape.LIST, writes=True)
def template_create(call: Call) -> dict[str, Any]:
    given = call.parameters
    missing = [code for name, code in (("TemplateName", 1), ("TemplateHTMLContent", 2)) if not given.word(name)]
    if missing:
        raise Refused(*missing)
    name = " ".join(given.text("TemplateName").split())[:255]
    made = Template.objects.create(
        organization=call.organization,
        name=name,
        html=given.text("TemplateHTMLContent"),
        merge_language=MergeLanguage.OCTETH,
    )
    return {"TemplateID": made.pk}


@command("email.template.update", permission="EmailTemplates.Manage", shape=Shape.LIST, writes=True)
def template_update(call: Call) -> dict[str, Any]:
    found, given = _template(call, missing=1, unknown=2), call.parameters
    if name := " ".join(given.text("TemplateName").split())[:255]:
        found.name = name
    if given.given("TemplateHTMLContent"):
        found.html = given.text("TemplateHTMLContent")
    found.save()
    return {}


@command("email.template.delete", permission="EmailTemplates.Manage", shape=Shape.LIST, writes=True)
def template_delete(call: Call) -> dict[str, Any]:
    given = call.parameters
    wanted = given.ids("Templates") or given.ids("TemplateID")
    if not wanted:
        raise Refused(1)
    call.who.own(Template.objects.filter(pk__in=wanted)).delete()
    return {}

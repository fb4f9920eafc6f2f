"""Campaign templates: kept as they were sent, and laid under what a client says of a new campaign."""

from typing import Any

from django.db.models import QuerySet

from accounts.permissions import Permission
from api.greenarrow import pages, times
from api.greenarrow.campaigns import dispatch_keys, rows, wanted, writing
from api.greenarrow.envelope import Answer
from api.greenarrow.errors import InvalidRequest, NotFound
from api.greenarrow.list_settings import defaults_of
from api.greenarrow.models import CampaignTemplate
from api.greenarrow.reading import Given, boolean, wrapped
from api.greenarrow.routing import Call, route
from api.greenarrow.vocabulary import body_format
from audience.criteria.greenarrow.place import number
from audience.models import MailingList
from campaigns.contents import Said

WRAPPER = "template"
CONTENT_KEYS = ("contents", "campaign_contents_attributes", *wanted.FLAT)
NEVER_COPIED = ("begins_at", "started_at", "finished_at", "state", "state_description", "paused")
# Keys that say the same thing in several ways: one of them takes the place of all.
FAMILIES = (
    dispatch_keys.SEED_KEYS,
    dispatch_keys.RULE_KEYS,
    ("virtual_mta_id", "virtual_mta_name"),
    ("url_domain_id", "url_domain_name"),
    ("bounce_email_id", "bounce_email_name", "bounce_email_user_id", "bounce_email_domain_id"),
)
ONE = ("templates/{template}", "campaign_templates/{template}", "mailing_lists/{list}/templates/{template}")
ALL = ("mailing_lists/{list}/templates", "mailing_lists/{list}/campaign_templates")


def started(call: Call, mailing_list: MailingList) -> Given:
    """What a new campaign is to be: what was sent, over the template it names, over the list's defaults.

    Raises NotFound and InvalidRequest.
    """
    given = call.given("campaign")
    values = dict(given.values)
    if "campaign" not in call.document and not values.keys() - {"source_template_id"}:
        raise InvalidRequest("campaign is required")
    for key, value in _copied(call, mailing_list).items():
        if key == "dispatch_attributes":
            said = values.get(key)
            values[key] = laid_over(said if isinstance(said, dict) else {}, value) if said is not None else value
        elif not _is_said(values, key):
            values[key] = value
    if isinstance(values.get("dispatch_attributes"), dict):
        values["dispatch_attributes"] = laid_over(values["dispatch_attributes"], defaults_of(mailing_list))
    return Given(values, given.zone, given.now)


def _copied(call: Call, mailing_list: MailingList) -> dict[str, Any]:
    """What the template has to give that was asked for; segment and delivery settings only within its own list."""
    document = call.document
    asked = document.get("source_template_id")
    if asked in (None, ""):
        return {}
    pk = number(asked)
    template = CampaignTemplate.objects.of(call.organization).filter(pk=pk).first() if pk is not None else None
    if template is None:
        raise NotFound("template not found")
    copied: dict[str, Any] = {}
    if _flag(document, "duplicate_content"):
        copied["contents"] = [{key: value for key, value in each.items() if key != "id"} for each in template.contents]
    at_home = template.mailing_list_id == mailing_list.pk
    if at_home and _flag(document, "duplicate_segmentation_criteria"):
        key = "segmentation_criteria_ad_hoc" if template.ad_hoc is not None else "segmentation_criteria_id"
        copied[key] = template.ad_hoc if template.ad_hoc is not None else template.segment_id
    if at_home and _flag(document, "duplicate_dispatch") and template.dispatch is not None:
        copied["dispatch_attributes"] = template.dispatch
    return copied


def _flag(document: dict[str, Any], name: str) -> bool:
    try:
        return bool(boolean(document.get(name)))
    except ValueError:
        raise InvalidRequest(f"{name} must be true or false") from None


def _is_said(values: dict[str, Any], key: str) -> bool:
    family = CONTENT_KEYS if key in CONTENT_KEYS else wanted.SEGMENT_KEYS
    return any(name in values for name in family)


def laid_over(said: dict[str, Any], below: dict[str, Any]) -> dict[str, Any]:
    """What was said, and of the rest what does not say the same thing in another way."""
    taken = {name for family in FAMILIES if any(each in said for each in family) for name in family}
    return {**{name: value for name, value in below.items() if name not in taken}, **said}


# --- templates themselves ------------------------------------------------------------------------------------------


@route("GET", *ALL)
def index(call: Call) -> Answer:
    """The templates of a list, by id."""
    call.require(Permission.READ)
    found = _rows(call).filter(mailing_list=rows.the_list(call))
    return pages.all_or_paged(found, call.params, shape)


@route("GET", *ONE)
def show(call: Call) -> dict[str, Any]:
    """One template."""
    call.require(Permission.READ)
    return shape(_named(call))


@route("POST", *ALL)
def create(call: Call) -> dict[str, Any]:
    """A new template in this list."""
    call.require(Permission.CREATE)
    mailing_list = rows.the_list(call)
    template = CampaignTemplate(organization=call.organization, mailing_list=mailing_list)
    return shape(_saved(call, template, is_new=True))


@route("PUT", *ONE)
def update(call: Call) -> dict[str, Any]:
    """Change what is given; contents are replaced as a whole."""
    call.require(Permission.UPDATE)
    CampaignTemplate.objects.select_for_update(no_key=True).filter(
        pk=_named(call).pk
    ).first()  # two changes at once keep both
    return shape(_saved(call, _named(call), is_new=False))


@route("DELETE", *ONE)
def delete(call: Call) -> None:
    """Campaigns that started from it stay as they are."""
    call.require(Permission.DELETE)
    _named(call).delete()


def _rows(call: Call) -> QuerySet[CampaignTemplate]:
    found = CampaignTemplate.objects.of(call.organization).order_by("pk")
    return found.select_related("organization", "mailing_list", "segment")


def _named(call: Call) -> CampaignTemplate:
    found = _rows(call)
    if "list" in call.path:
        found = found.filter(mailing_list=rows.the_list(call))
    template = found.filter(pk=call.id("template")).first()
    if template is None:
        raise NotFound("template not found")
    return template


def _saved(call: Call, template: CampaignTemplate, *, is_new: bool) -> CampaignTemplate:
    values = dict(wrapped(call.document, WRAPPER, "campaign_template"))
    if "template_contents_attributes" in values:
        values.setdefault("campaign_contents_attributes", values["template_contents_attributes"])
    if isinstance(values.get("contents"), list):
        values["contents"] = [_without_id(row) for row in values["contents"]]
    given = Given(values, call.zone, call.now)
    place = wanted.Place(template.mailing_list, call.organization)
    asked = wanted.read(given, place, is_new=is_new)
    if asked.name is not None:
        template.name = asked.name
    if asked.segment is not wanted.UNSAID:
        _set_segment(call, template, asked.segment)
    if isinstance(values.get("dispatch_attributes"), dict):
        kept = {key: value for key, value in values["dispatch_attributes"].items() if key not in NEVER_COPIED}
        template.dispatch = laid_over(kept, template.dispatch or {})
    template.save()
    if asked.contents is not None:
        template.contents = [_kept(template, number, said) for number, said in enumerate(asked.contents)]
        template.save()
    return template


def _without_id(row: Any) -> Any:
    return {key: value for key, value in row.items() if key != "id"} if isinstance(row, dict) else row


def _set_segment(call: Call, template: CampaignTemplate, said: Any) -> None:
    if isinstance(said, wanted.AdHoc):
        writing.rules(call, said.definition, [template.mailing_list])  # refuses what cannot be read
        template.segment, template.ad_hoc = None, said.definition
    else:
        template.segment, template.ad_hoc = said, None


def _kept(template: CampaignTemplate, position: int, said: Said) -> dict[str, Any]:
    """With an id of its own, which only says which content of this template it is."""
    shown = {"id": template.pk * 100 + position + 1, "name": said.name, **said.columns}
    shown["format"] = body_format(said.html, said.text, str(shown.pop("body_format")))
    return shown


def shape(template: CampaignTemplate) -> dict[str, Any]:
    """As a campaign is shown, without what only sending gives."""
    segment = template.segment
    return {
        "id": template.pk,
        "name": template.name,
        "mailing_list_id": template.mailing_list_id,
        "mailing_list_name": template.mailing_list.name,
        "organization_id": template.organization_id,
        "organization_name": template.organization.name,
        "segmentation_criteria_id": segment.pk if segment else None,
        "segmentation_criteria_name": segment.name if segment else None,
        "segmentation_criteria_ad_hoc": template.ad_hoc,
        "archived": False,
        "template": True,
        "content_determined": bool(template.contents),
        "created_at": times.shown(template.created_at),
        "updated_at": times.shown(template.modified_at),
        "contents": template.contents,
        "template_contents": template.contents,
        **({"dispatch": template.dispatch, "dispatch_attributes": template.dispatch} if template.dispatch else {}),
    }

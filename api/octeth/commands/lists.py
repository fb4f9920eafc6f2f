"""Lists (Octeth's List.* and Lists.*)."""

from typing import Any

from accounts.permissions import Permission, may
from api.octeth import echoes
from api.octeth.errors import NOT_PERMITTED, Refused, Shape
from api.octeth.lists import ECHOED, counted, lists, mailing_list, row
from api.octeth.models import Echo
from api.octeth.ordering import folded, ordered
from api.octeth.registry import Call, command
from audience.models import MailingList
from campaigns import removals
from campaigns.errors import Locked

NAME_MISSING = "Required field missing: subscriberlistname"
MODES = {"single": MailingList.OptIn.SINGLE, "double": MailingList.OptIn.DOUBLE}
SCOPES = ("this list", "all lists")
ORDERS = {
    "listid": "pk",
    "name": "name",
    "createdon": "created_at",
    "archivedat": "pk",
    "activesubscribercount": "active",
    "segmentcount": "segments_here",
    "lastactivityat": "modified_at",
}


@command("list.create", permission="List.Create", shape=Shape.LIST_TEXT, writes=True)
def create(call: Call) -> dict[str, Any]:
    name = " ".join(call.parameters.text("SubscriberListName").split())[:255]
    if not name:
        raise Refused(1, text=NAME_MISSING)
    mode = _mode(call, 20) or MailingList.OptIn.SINGLE
    made = MailingList.objects.create(
        organization=call.organization, name=name, description=call.parameters.text("Description"), opt_in=mode
    )
    _remember(call, made)
    body = {"ErrorText": "", "ListID": made.pk}
    mail = call.parameters.tree("ConfirmationEmail")
    return body | (_confirmation(made, mail) if isinstance(mail, dict) and mail else {})


def _mode(call: Call, code: int) -> str | None:
    word = folded(call.parameters.word("OptInMode"))
    if word and word not in MODES:
        raise Refused(code, text="OptInMode is Single or Double")
    return MODES.get(word)


def _confirmation(made: MailingList, mail: dict[str, Any]) -> dict[str, Any]:
    """A mail of one's own makes the list ask for confirmation. Its subject and text are taken; ours is always the
    link."""
    missing = [name for name in ("subject", "fromname", "fromemail", "contenttype") if not mail.get(name)]
    if missing:
        raise Refused(21, text=f"ConfirmationEmail lacks {', '.join(missing)}")
    if str(mail["contenttype"]).lower() not in ("html", "plain", "both"):
        raise Refused(22, text="ContentType is HTML, Plain or Both")
    made.opt_in = MailingList.OptIn.DOUBLE
    made.confirmation_subject = " ".join(str(mail["subject"]).split())[:200]
    made.confirmation_text = str(mail.get("plaincontent", ""))
    made.save(update_fields=["opt_in", "confirmation_subject", "confirmation_text"])
    return {"ConfirmationEmailID": 0}


@command("list.get", permission="List.Get", shape=Shape.LIST_TEXT, old=Shape.NAMED)
def get(call: Call) -> dict[str, Any]:
    found = mailing_list(call, "ListID", missing=1, unknown=1)
    rows = lists(call).filter(pk=found.pk)
    shown = counted(rows).get() if call.parameters.flag("GetStats") else found
    return {"List": row(shown, echoes.of(Echo.Kind.LIST, [found.pk]).get(found.pk, {}))}


@command("list.update", permission="List.Update", shape=Shape.LIST_TEXT, writes=True)
def update(call: Call) -> dict[str, Any]:
    given = call.parameters
    found = mailing_list(call, "SubscriberListID", missing=1, unknown=2)
    mode = _mode(call, 3)
    if given.word("OptOutScope") and given.word("OptOutScope").lower() not in SCOPES:
        raise Refused(4, text="OptOutScope is This list or All lists")
    if name := " ".join(given.text("Name").split())[:255]:
        found.name = name
    if "Description" in given:
        found.description = given.text("Description")
    if given.word("HideInSubscriberArea"):
        found.is_public = not given.flag("HideInSubscriberArea")
    found.opt_in = mode or found.opt_in
    _require_valid(found)
    _remember(call, found)
    return {"ErrorText": "", "List": row(found, echoes.of(Echo.Kind.LIST, [found.pk]).get(found.pk, {}))}


def _require_valid(found: MailingList) -> None:
    found.full_clean()
    found.save()


def _remember(call: Call, found: MailingList) -> None:
    given = call.parameters
    values: dict[str, Any] = {name: given.text(name) for name in ECHOED if given.given(name)}
    options = given.original("Options")
    if isinstance(options, dict):
        values["Options"] = options
    echoes.remember(call.organization, Echo.Kind.LIST, found.pk, values)


@command("lists.get", permission="Lists.Get")
def get_many(call: Call) -> dict[str, Any]:
    given = call.parameters
    rows = counted(lists(call))
    if given.word("Archived").lower() == "true":
        rows = rows.none()  # nothing is archived here
    if search := given.word("Search"):
        rows = rows.filter(name__icontains=search)
    in_order = ordered(rows, given, ORDERS, "pk")
    first, size = given.whole("RecordsFrom"), given.whole("RecordsPerRequest")
    page = list(in_order[first : first + size] if size else in_order[first:])
    known = echoes.of(Echo.Kind.LIST, [each.pk for each in page])
    total = lists(call).filter(pk__in=rows.order_by().values("pk")).count()
    shown = [row(each, known.get(each.pk, {})) for each in page]
    return {"ErrorText": "", "TotalListCount": total, "TotalLists": total, "Lists": shown}


@command("lists.delete", permission="List.Delete", shape=Shape.LIST, old=Shape.NAMED, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """With the subscriptions to it; the people stay. A list that a campaign needs is kept, and that refuses all."""
    wanted = call.parameters.ids("Lists")
    if not wanted:
        raise Refused(1, text="Required field missing: lists", names=["lists"])
    if not may(call.who.user, Permission.DELETE, call.organization):
        raise Refused(NOT_PERMITTED, text="Not enough privileges")
    try:
        for found in lists(call).filter(pk__in=wanted):
            removals.delete_list(found, by=call.by, with_people=True)
    except Locked as refusal:
        raise Refused(2, text=str(refusal), names=["lists"], extra={"ErrorText": str(refusal)}) from refusal
    return {"ErrorText": ""}

"""Suppressed addresses (Octeth's Suppression.*): of the account, or of one of its lists with `ListID`."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from api.octeth.errors import Refused, Shape
from api.octeth.lists import lists
from api.octeth.parameters import parsed_text
from api.octeth.registry import Access, Call, command
from audience import lifting, suppressions
from audience.addresses import normalise_email
from audience.errors import InvalidAddress
from audience.models import MailingList, Suppression

Kind, Reason = Suppression.Kind, Suppression.Reason
SOURCES = {
    "administrator": Reason.MANUAL,
    "user": Reason.IMPORTED,
    "spam complaint": Reason.COMPLAINED,
    "hard bounced": Reason.BOUNCED,
    "unsubscribe": Reason.UNSUBSCRIBED,
}
NAMES = {
    Reason.MANUAL: "Administrator",
    Reason.IMPORTED: "User",
    Reason.COMPLAINED: "SPAM complaint",
    Reason.BOUNCED: "Hard Bounced",
    Reason.UNSUBSCRIBED: "Unsubscribe",
}
SCOPES = {0: "SystemWide", 1: "AccountWide", 2: "PerList"}
DEFAULT_REASON = "Suppression List Import"
LONGEST_REASON = 200
MOST_CHECKED, PAGE, LARGEST_PAGE = 500, 100, 1000


@command("suppression.import", access=Access.EITHER, shape=Shape.LIST, writes=True)
def import_many(call: Call) -> dict[str, Any]:
    """`TotalImported` are new; addresses that are there already count nowhere."""
    given = call.parameters
    addresses = _addresses(call)
    reason = _source(given.word("SuppressionSource", "User"))
    found = _list(call)
    suppressions.require_may(call.by, call.organization)
    done = suppressions.suppress_many(
        addresses,
        organization=call.organization,
        kind=Kind.EMAIL,
        reason=reason,
        source=(given.text("Reason") or DEFAULT_REASON)[:LONGEST_REASON],
        mailing_list=found,
        by=call.who.user,
    )
    return {"TotalImported": done.added, "TotalFailed": len(done.refused), "FailedEmailAddresses": list(done.refused)}


def _addresses(call: Call) -> list[str]:
    """From a list, or text that is JSON, and from lines; blanks dropped, each once."""
    given = call.parameters
    if not given.given("EmailAddresses") and not given.given("EmailAddressesBulk"):
        raise Refused(1, 2)
    found = given.original("EmailAddresses")
    if isinstance(found, str) and found.strip():
        found = parsed_text(found)
        if not isinstance(found, list):
            raise Refused(2)
    items = list(found.values()) if isinstance(found, dict) else found or []
    lines = given.text("EmailAddressesBulk").splitlines()
    return list(dict.fromkeys(text for each in [*items, *lines] if isinstance(each, str) and (text := each.strip())))


def _source(word: str, code: int = 3) -> str:
    if word.lower() not in SOURCES:
        raise Refused(code)
    return SOURCES[word.lower()]


def _list(call: Call) -> MailingList | None:
    number = call.parameters.word("ListID")
    if number in ("", "0"):
        return None
    found = lists(call).filter(pk=call.parameters.whole("ListID")).first()
    if found is None:
        raise Refused(4)
    return found


@command("suppression.browse", access=Access.EITHER, shape=Shape.LIST)
def browse(call: Call) -> dict[str, Any]:
    given, rows = call.parameters, _chosen(call)
    first = given.whole("StartFrom")
    size = min(LARGEST_PAGE, given.whole("RetrieveCount", PAGE) or PAGE)
    page = rows.order_by("pk")[first : first + size]
    return {"TotalRecords": rows.count(), "SuppressedEmails": {each.value: _row(each) for each in page}}


def _chosen(call: Call) -> QuerySet[Suppression]:
    """Of exactly this scope: what the list or the account suppresses itself."""
    given = call.parameters
    reasons = [_source(word, 1) for word in given.words("SuppressionSource")]
    rows = Suppression.objects.filter(organization=call.organization, mailing_list=_list(call), kind=Kind.EMAIL)
    if reasons:
        rows = rows.filter(reason__in=reasons)
    pattern = given.word("SearchPattern", "*")
    return rows if pattern.strip("*") == "" else rows.filter(_like(pattern))


def _like(pattern: str) -> Q:
    """`*` stands for anything at either end."""
    word = pattern.strip("*").lower()
    if pattern.startswith("*") and pattern.endswith("*"):
        return Q(value__contains=word)
    if pattern.startswith("*"):
        return Q(value__endswith=word)
    return Q(value__startswith=word) if pattern.endswith("*") else Q(value=word)


def _row(found: Suppression) -> dict[str, str]:
    return {
        "SuppressionID": str(found.pk),
        "RelListID": str(found.mailing_list_id or 0),
        "RelOwnerUserID": str(found.organization_id or 0),
        "EmailAddress": found.value,
        "SuppressionSource": NAMES[Reason(found.reason)],
        "Reason": found.source,
    }


@command("suppression.check", access=Access.EITHER, shape=Shape.LIST)
def check(call: Call) -> dict[str, Any]:
    """In every scope that keeps mail from the address: a list's, the account's and the system's."""
    addresses = _addresses(call)
    if len(addresses) > MOST_CHECKED:
        raise Refused(5, extra={"MaxEmailAddresses": MOST_CHECKED, "TotalSubmitted": len(addresses)})
    found = _list(call)
    good = [address for address in addresses if _is_address(address)]
    findings = suppressions.look_up(call.organization, good, mailing_list=found)
    return {
        "ListID": found.pk if found else 0,
        "TotalChecked": len(good),
        "TotalFailed": len(addresses) - len(good),
        "SuppressionCheckDisabled": False,
        "Results": {each.written: _finding(each.suppressions) for each in findings},
        "FailedEmailAddresses": [address for address in addresses if address not in good],
    }


def _is_address(written: str) -> bool:
    try:
        normalise_email(written)
    except InvalidAddress:
        return False
    return True


def _finding(found: Sequence[Suppression]) -> dict[str, Any]:
    """A suppressed domain is what Octeth calls a pattern."""
    exact = [each for each in found if each.kind == Kind.EMAIL]
    scopes = [
        {
            "Scope": SCOPES[_width(each)],
            "SuppressionSource": NAMES[Reason(each.reason)],
            "Reason": each.source,
        }
        for each in found
    ]
    return {"IsSuppressed": bool(found), "MatchedScopes": scopes, "IsPatternSuppressed": len(exact) < len(found)}


def _width(found: Suppression) -> int:
    if found.organization_id is None:
        return 0
    return 1 if found.mailing_list_id is None else 2


@command("suppression.stats", access=Access.EITHER, shape=Shape.LIST)
def stats(call: Call) -> dict[str, Any]:
    counted = suppressions.by_reason(_chosen(call))
    by_source = {NAMES[Reason(reason)]: number for reason, number in counted.items()}
    return {"Total": sum(by_source.values()), "BySource": by_source}


@command("suppression.delete", access=Access.EITHER, shape=Shape.LIST, writes=True)
def delete(call: Call) -> dict[str, Any]:
    """Lifts what this scope suppresses; the history keeps who did."""
    given = call.parameters
    rows = Suppression.objects.filter(organization=call.organization, mailing_list=_list(call), kind=Kind.EMAIL)
    if single := given.word("EmailAddress"):
        chosen = rows.filter(value__in=_normalised([single]))
        if not chosen.exists():
            raise Refused(2)
        lifting.lift(chosen, by=call.by, why="Octeth API")
        return {}
    if not given.given("EmailAddresses") and not given.given("EmailAddressesBulk"):
        raise Refused(1)
    addresses = _addresses(call)
    bad = [address for address in addresses if not _is_address(address)]
    lifted = lifting.lift(rows.filter(value__in=_normalised(addresses)), by=call.by, why="Octeth API")
    return {"TotalDeleted": lifted, "TotalFailed": len(bad), "FailedEmailAddresses": bad}


def _normalised(addresses: Sequence[str]) -> list[str]:
    return [normalise_email(address) for address in addresses if _is_address(address)]

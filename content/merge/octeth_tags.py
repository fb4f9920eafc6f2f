"""What Octeth's tags stand for, and what its authors are shown of them.

A tag that we have nothing for says why; it is empty, and preflight says so. Names that begin with `__` are values that
the sender of a message knows (`content.merge.system`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from content.merge.known import KnownField, KnownFields, alias

MYSQL_TIME = "Y-m-d H:i:s"
ONE_LINE = "the postal address is kept as one line; write {{ User:Street }} for all of it"
NOT_KEPT = "this is not kept here"
OPT_IN_ONLY = "it only means something in the mail that asks for confirmation"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`expression` in our language; `is_date` where a pattern can be applied, `is_link` for addresses of our pages.
    `missing`: why there is nothing to write."""

    expression: str = ""
    is_date: bool = False
    is_link: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class PersonalizationTag:
    """`tag` as it is written in an email, its name for people, what it becomes, and its group."""

    tag: str
    label: str
    description: str
    category: str


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    label: str
    description: str
    meaning: Meaning


def _value(name: str, label: str, description: str, expression: str) -> _Row:
    return _Row(name, label, description, Meaning(expression))


def _date(name: str, label: str, description: str, expression: str) -> _Row:
    return _Row(name, label, description, Meaning(expression, is_date=True))


def _link(name: str, label: str, description: str, field: str) -> _Row:
    return _Row(name, label, description, Meaning(field, is_link=True))


def _none(name: str, label: str, why: str = NOT_KEPT) -> _Row:
    return _Row(name, label, f"Always empty: {why}.", Meaning(missing=why))


SUBSCRIBER = (
    _value("EmailAddress", "Email address", "The person's email address.", "email"),
    _value("SubscriberID", "Subscriber id", "The person's number.", "__subscriber_id"),
    _value("HashedSubscriberID", "Hashed subscriber id", "MD5 of the number.", '__subscriber_id|__hashed("md5")'),
    _value("Status", "Status", "Subscribed.", '__none|default("Subscribed")'),
    _value("SubscriptionStatus", "Subscription status", "Subscribed.", '__none|default("Subscribed")'),
    _value("BounceType", "Bounce type", "Not Bounced.", '__none|default("Not Bounced")'),
    _date("SubscriptionDate", "Subscription date", "When they joined the list.", "__subscribed_at"),
    _value("SubscriptionIP", "Subscription IP", "From where they joined the list.", "__subscribed_ip"),
    _date("OptInDate", "Opt-in date", "When they confirmed.", "__confirmed_at"),
)
USER = (
    _value("FirstName", "First name", "Of who made the campaign.", "__author_first_name"),
    _value("LastName", "Last name", "Of who made the campaign.", "__author_last_name"),
    _value("EmailAddress", "Email address", "Of who made the campaign.", "__author_email"),
    _value("CompanyName", "Company", "The organization's name.", "__organization_name"),
    _none("Website", "Website"),
    _value("Street", "Address", "The organization's postal address, on one line.", "__organization_address"),
    *(_none(name, name, ONE_LINE) for name in ("City", "State", "Zip", "Country")),
    _none("Phone", "Phone"),
    _none("Fax", "Fax"),
    _value("TimeZone", "Time zone", "The organization's time zone.", "__organization_timezone"),
)
LIST = (
    _value("ListID", "List id", "The list's number.", "__list_id"),
    _value("Name", "List name", "The list through which the person is reached.", "__list_name"),
    _value("SenderName", "Sender name", "The email's sender name.", "__from_name"),
    _value("SenderEmailAddress", "Sender address", "The email's sender address.", "__from_email"),
    _value("SenderAddress", "Postal address", "The organization's postal address.", "__organization_address"),
    _value("SenderCompany", "Company", "The organization's name.", "__organization_name"),
)
CAMPAIGN = (
    _value("CampaignID", "Campaign id", "The campaign's number.", "__campaign_id"),
    _value("HashedCampaignID", "Hashed campaign id", "MD5 of the number.", '__campaign_id|__hashed("md5")'),
    _value("Name", "Campaign name", "The campaign's name.", "__campaign_name"),
)
LIST_LINKS = (
    _link("Unsubscribe", "Unsubscribe link", "Where the person leaves.", "unsubscribe_url"),
    _link("Suppression", "Suppression link", "Where the person leaves everything.", "unsubscribe_url"),
    _link("SubscriberArea", "Preference page", "Where the person chooses their lists.", "preferences_url"),
)
CAMPAIGN_LINKS = (
    _link("Forward", "Forward to a friend", "Where the person sends a copy to a friend.", "forward_url"),
    _link("WebBrowser", "Web version", "The email as a web page.", "view_url"),
    _link("ReportAbuse", "Report abuse", "Where the person leaves.", "unsubscribe_url"),
    _value(
        "SocialShare:Twitter",
        "Share on X",
        "Shares the campaign's page in the archive; empty unless the campaign is public.",
        "__share_on_twitter",
    ),
    _value(
        "SocialShare:Facebook",
        "Share on Facebook",
        "Shares the campaign's page in the archive; empty unless the campaign is public.",
        "__share_on_facebook",
    ),
)
OPT_IN_LINKS = (_none("Confirm", "Confirmation link", OPT_IN_ONLY), _none("Reject", "Rejection link", OPT_IN_ONLY))
NAMESPACES: dict[str, tuple[_Row, ...]] = {
    "Subscriber": SUBSCRIBER,
    "User": USER,
    "List": LIST,
    "Campaign": CAMPAIGN,
    "Link": (*LIST_LINKS, *CAMPAIGN_LINKS, *OPT_IN_LINKS),
    "Event": (),
}
_MEANINGS = {f"{namespace}:{row.name}": row.meaning for namespace, rows in NAMESPACES.items() for row in rows}
# Names that are not reserved in Octeth: a custom field called so is meant.
YIELDING = {"Subscriber:Status", "Subscriber:HashedSubscriberID"}
OTHERS = (
    PersonalizationTag("%Date=F j, Y%", "Date", "The day the email is sent, as PHP writes dates.", "Other"),
    PersonalizationTag("%Random:FirstName%", "Random first name", "A first name, drawn for each person.", "Other"),
    PersonalizationTag("%Random:LastName%", "Random last name", "A last name, drawn for each person.", "Other"),
    PersonalizationTag("%Random:Letters:6%", "Random letters", "Large letters, drawn for each person.", "Other"),
    PersonalizationTag("%Random:Numbers:6%", "Random digits", "Digits, drawn for each person.", "Other"),
    PersonalizationTag("%Random:Alpha:6%", "Random characters", "Letters and digits.", "Other"),
    PersonalizationTag("%MFROMDomain%", "Envelope domain", "The domain that bounces come back to.", "Other"),
    PersonalizationTag("[[Hello|Hi|Good morning]]", "Spin", "One of these, drawn for each person.", "Other"),
)


def meaning_of(name: str, known: KnownFields) -> Meaning | None:
    """What `Subscriber:FirstName` stands for; None for a tag that there is not. Its case matters."""
    found = _MEANINGS.get(name)
    field = name.removeprefix("Subscriber:")
    if field == name or (found is not None and name not in YIELDING):
        return found
    number = field.removeprefix("CustomField")
    key = known.by_id(int(number)) if number.isdecimal() and number != field else None
    key = key or known.by_alias(field)
    return Meaning(key) if key else found


def near(name: str, known: KnownFields) -> str:
    """The tag that this may be a slip of, or nothing."""
    namespace, colon, word = name.partition(":")
    namespace, word = (namespace.capitalize(), word) if colon else ("Subscriber", name.replace("_", ""))
    words = {row.name for row in NAMESPACES.get(namespace, ())}
    words |= known.aliases if namespace == "Subscriber" else set()
    lower = {each.lower(): each for each in sorted(words)}
    found = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.75)
    return f"{namespace}:{lower[found[0]]}" if found else ""


def tags(fields: Iterable[tuple[int, str, str]] = ()) -> list[PersonalizationTag]:
    """What an author can write: `Subscriber` (with these custom fields), `ListLinks`, `CampaignLinks`, `OptLinks`,
    `User`, `List`, `Campaign` and `Other`."""
    custom = [KnownField(*field) for field in fields]
    meant = {f"Subscriber:{alias(field.key)}" for field in custom} & YIELDING
    standard = (row for row in SUBSCRIBER if f"Subscriber:{row.name}" not in meant)
    found = [_listed("Subscriber", row, "Subscriber") for row in standard]
    taken = {tag.tag for tag in found}
    for field in custom:
        tag = f"{{{{ Subscriber:{alias(field.key)} }}}}"
        tag = tag if tag not in taken else f"{{{{ Subscriber:CustomField{field.id} }}}}"
        taken.add(tag)
        found.append(PersonalizationTag(tag, field.name, f"The field “{field.name}”.", "Subscriber"))
    groups = (("ListLinks", LIST_LINKS), ("CampaignLinks", CAMPAIGN_LINKS), ("OptLinks", OPT_IN_LINKS))
    found += [_listed("Link", row, category) for category, rows in groups for row in rows]
    for namespace in ("User", "List", "Campaign"):
        found += [_listed(namespace, row, namespace) for row in NAMESPACES[namespace]]
    return [*found, *OTHERS]


def _listed(namespace: str, row: _Row, category: str) -> PersonalizationTag:
    tag = f"%Link:{row.name}%" if namespace == "Link" else f"{{{{ {namespace}:{row.name} }}}}"
    return PersonalizationTag(tag, row.label, row.description, category)

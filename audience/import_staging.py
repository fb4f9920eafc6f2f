"""Imports on PostgreSQL: a chunk of rows is copied into a temporary table, and a few statements put it on the list.

The first row of each address in a chunk goes this way. A row that repeats one, that says that somebody left, or that is
known by a phone number while others of its chunk are known by email, follows through a `Book` in the same transaction,
so that rows are taken in order. What comes out is what `Book` alone would have made of them, which a property-based
test holds.

Two imports into one organization take turns by chunk, and a chunk locks the people it finds in the order of their keys,
so that it waits for others who write, and never in a circle. Whom somebody else adds in between is found by the
conflict; where that does not help, the chunk starts again, with `Overtaken`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from json import JSONEncoder
from typing import Any

from django.db import IntegrityError, connection

from accounts.public_ids import new_public_id
from audience.import_rows import Refusal, Row
from audience.import_status import GONE
from audience.import_writing import Book, Counts, OnConflict, Overtaken, Status, Terms, suppressed, tag_keys
from audience.models import Subscriber

ROWS = 20_000  # in one chunk: a second's work, and as long others wait for the people in it
_IN_A_BOOK = 1000
_TURNS = 0x42534944  # names our advisory locks among those of others on the server
_dumped = JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


@dataclass
class Parcel:
    """A chunk of rows made ready for the database: `lines` for COPY, in the order of `staged`; `rest` follows after."""

    staged: list[Row] = field(default_factory=list)
    rest: list[Row] = field(default_factory=list)
    lines: bytes = b""
    by_email: bool = True


def packed(rows: Iterable[Row | Refusal]) -> Parcel:
    """What of these rows can be done at once, and what has to follow. Asks the database nothing."""
    good = [row for row in rows if isinstance(row, Row)]
    by_email = any(row.email for row in good)
    first: dict[str, Row] = {}
    rest: list[Row] = []
    for row in good:
        key = row.email if by_email else row.phone
        if key and first.setdefault(key, row) is row and not row.status:
            continue
        rest.append(row)
    staged = [row for key in sorted(first) if not (row := first[key]).status]
    return Parcel(staged, rest, _lines(staged), by_email)


def write(terms: Terms, rows: Sequence[Row | Refusal], parcel: Parcel | None = None) -> Counts:
    """Do these rows; what became of them. In a transaction. Raises Overtaken."""
    parcel = parcel or packed(rows)
    counts = Counts(refused=sum(isinstance(row, Refusal) for row in rows))
    _take_turn(terms)
    if parcel.staged and not _is_entangled(terms, parcel):
        counts += Stage(terms, parcel).write()
        return _follow(terms, parcel.rest, counts)
    return _follow(terms, [row for row in rows if isinstance(row, Row)], counts)


def write_slowly(terms: Terms, rows: Sequence[Row | Refusal]) -> Counts:
    """As `write`, through a Book alone, which takes what others add at the same moment as it is. Raises Overtaken."""
    counts = Counts(refused=sum(isinstance(row, Refusal) for row in rows))
    _take_turn(terms)
    return _follow(terms, [row for row in rows if isinstance(row, Row)], counts)


def _follow(terms: Terms, rows: Sequence[Row], counts: Counts) -> Counts:
    for start in range(0, len(rows), _IN_A_BOOK):
        book = Book(terms, locked=True)
        counts += book.take(rows[start : start + _IN_A_BOOK])
        book.write()
    return counts


def _take_turn(terms: Terms) -> None:
    with connection.cursor() as cursor:
        key = terms.mailing_list.organization_id % 2**31
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_TURNS, key])
        # The next chunk need not wait for the disk: a server that dies loses whole chunks with their place in the file,
        # and the end of an import is written down in a transaction that waits for all of them.
        cursor.execute("SET LOCAL synchronous_commit TO OFF")


def _is_entangled(terms: Terms, parcel: Parcel) -> bool:
    """Whether a row that is known by a number could mean somebody whom another row of the chunk is about."""
    numbers = {row.phone for row in parcel.rest if not row.email} if parcel.by_email else set()
    if not numbers:
        return False
    if any(row.phone in numbers for row in (*parcel.staged, *parcel.rest) if row.email):
        return True
    people = Subscriber.objects.filter(organization=terms.mailing_list.organization_id, phone__in=numbers)
    emails = {row.email for row in parcel.staged}
    return any(email in emails for email in people.exclude(email=None).values_list("email", flat=True))


# --- the lines of COPY -------------------------------------------------------------------------------------------

_NULL = "\\N"


def _lines(rows: Sequence[Row]) -> bytes:
    """As COPY reads them (PostgreSQL manual, COPY, text format)."""
    lines = [
        f"{number}\t{new_public_id('sub')}\t{row.email or _NULL}\t{row.phone}\t{_json(row.values)}"
        f"\t{_json(row.list_values)}\t{_text(row.subscribed_at)}\t{_text(row.ip_address)}\t{_text(row.source)}\n"
        for number, row in enumerate(rows)
    ]
    return "".join(lines).encode()


def _json(values: dict[str, Any]) -> str:
    if not values:
        return "{}"
    return _dumped(values).replace("\\", "\\\\")  # no other character of JSON means anything to COPY


def _text(value: datetime | str | None) -> str:
    """An empty text means nothing was said."""
    if not value:
        return _NULL
    text = value if isinstance(value, str) else value.isoformat()
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


# --- the statements ----------------------------------------------------------------------------------------------

_TABLES = """
DROP TABLE IF EXISTS pg_temp.import_staging, pg_temp.import_staged_tag, pg_temp.import_changed;
CREATE TEMPORARY TABLE import_staging (
    number integer NOT NULL, public_id varchar(24) NOT NULL, email varchar(254), phone varchar(16) NOT NULL,
    fields jsonb NOT NULL, list_fields jsonb NOT NULL, subscribed_at timestamptz, ip_address inet, source varchar(64),
    new_id bigint NOT NULL DEFAULT nextval(pg_get_serial_sequence('audience_subscriber', 'id')),
    person_id bigint, subscription_id bigint, status varchar(16)
) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_staged_tag (number integer NOT NULL, tag_id bigint NOT NULL) ON COMMIT DROP;
CREATE TEMPORARY TABLE import_changed (number integer NOT NULL) ON COMMIT DROP
"""
_COPY = """
COPY import_staging (number, public_id, email, phone, fields, list_fields, subscribed_at, ip_address, source)
FROM STDIN
"""

# Who is there already: looked up one by one, since no planner has ever seen the staging table.
_FIND = """
WITH found AS MATERIALIZED (SELECT number, ({known}) AS id FROM import_staging)
UPDATE import_staging AS staged SET person_id = found.id
FROM found WHERE found.number = staged.number AND found.id <> staged.new_id
"""
_BY_EMAIL = """
SELECT id FROM audience_subscriber WHERE organization_id = %(organization)s AND email = import_staging.email
"""
_BY_PHONE = """
SELECT id FROM audience_subscriber
WHERE organization_id = %(organization)s AND phone = import_staging.phone AND phone <> ''
ORDER BY email IS NOT NULL, id LIMIT 1
"""
_LOCK = """
SELECT id FROM audience_subscriber
WHERE id = ANY(ARRAY(SELECT person_id FROM import_staging WHERE person_id IS NOT NULL))
ORDER BY id FOR NO KEY UPDATE
"""
_FIND_SUBSCRIPTIONS = """
WITH found AS MATERIALIZED (
    SELECT staged.number, subscription.id, subscription.status
    FROM import_staging AS staged
    CROSS JOIN LATERAL (
        SELECT id, status FROM audience_subscription
        WHERE mailing_list_id = %(list)s AND subscriber_id = staged.person_id LIMIT 1
    ) AS subscription
    WHERE staged.person_id IS NOT NULL
)
UPDATE import_staging AS staged SET subscription_id = found.id, status = found.status
FROM found WHERE found.number = staged.number
"""
_LOOKED_AT = "ANALYZE import_staging (number, person_id, subscription_id)"

_ADD_PEOPLE = """
INSERT INTO audience_subscriber (id, public_id, organization_id, email, phone, fields, created_at, modified_at)
SELECT new_id, public_id, %(organization)s, email, phone, fields, %(moment)s, %(moment)s
FROM import_staging WHERE person_id IS NULL ORDER BY number {unless_known}
"""
_EMAIL_IS_THERE = "ON CONFLICT (organization_id, email) DO NOTHING"
_PHONE_IS_THERE = "ON CONFLICT (organization_id, phone) WHERE email IS NULL DO NOTHING"
_ADD_SUBSCRIPTIONS = """
INSERT INTO audience_subscription (mailing_list_id, subscriber_id, status, source, ip_address, subscribed_at,
    confirmation_due_at, unsubscribe_source, fields, created_at, modified_at)
SELECT %(list)s, coalesce(person_id, new_id), %(status)s, coalesce(source, %(source)s),
    coalesce(ip_address, %(ip_address)s),
    CASE WHEN %(confirms)s THEN NULL ELSE coalesce(subscribed_at, %(agreed_at)s) END,
    CASE WHEN %(confirms)s AND email IS NOT NULL THEN %(moment)s::timestamptz END,
    '', list_fields, %(moment)s, %(moment)s
FROM import_staging WHERE subscription_id IS NULL ORDER BY number
"""
# Once a chunk, where a foreign key would ask once a line.
_HOLD_USER = "SELECT 1 FROM accounts_user WHERE id = %(by)s FOR KEY SHARE"
_LOG_CONSENT = """
INSERT INTO audience_consentevent (subscriber_id, mailing_list_id, list_name, kind, at, recorded_at, source, ip_address,
    wording, by_id)
SELECT coalesce(person_id, new_id), %(list)s, %(list_name)s, %(kind)s, coalesce(subscribed_at, %(agreed_at)s),
    %(moment)s, coalesce(source, %(source)s), coalesce(ip_address, %(ip_address)s), %(wording)s, %(by)s
FROM import_staging WHERE subscription_id IS NULL ORDER BY number
"""
_SPARE_SUPPRESSED = """
UPDATE audience_subscription AS subscription SET confirmation_due_at = NULL
FROM import_staging AS staged
WHERE staged.subscription_id IS NULL AND staged.email = ANY(%(suppressed)s) AND subscription.mailing_list_id = %(list)s
    AND subscription.subscriber_id = coalesce(staged.person_id, staged.new_id)
"""

# What the rows say wins over what is known, or the other way round; || takes the right side where both have a key.
_OVERWRITE = {
    "person": "person.fields || staged.fields",
    "phone": "CASE WHEN staged.phone <> '' THEN staged.phone ELSE person.phone END",
    "subscription": "subscription.fields || staged.list_fields",
}
_FILL = {
    "person": "staged.fields || person.fields",
    "phone": "CASE WHEN person.phone = '' THEN staged.phone ELSE person.phone END",
    "subscription": "staged.list_fields || subscription.fields",
}
_CHANGE_PEOPLE = """
WITH changed AS (
    UPDATE audience_subscriber AS person SET fields = {person}, phone = {phone}, modified_at = %(moment)s
    FROM import_staging AS staged
    WHERE person.id = staged.person_id AND (staged.subscription_id IS NULL OR %(changes)s)
        AND (person.fields IS DISTINCT FROM {person} OR person.phone IS DISTINCT FROM {phone})
    RETURNING staged.number
)
INSERT INTO import_changed (number) SELECT number FROM changed
"""
_CHANGE_SUBSCRIPTIONS = """
WITH changed AS (
    UPDATE audience_subscription AS subscription SET fields = {subscription}, modified_at = %(moment)s
    FROM import_staging AS staged
    WHERE subscription.id = staged.subscription_id AND subscription.fields IS DISTINCT FROM {subscription}
    RETURNING staged.number
)
INSERT INTO import_changed (number) SELECT number FROM changed
"""
_TAG = """
WITH wanted AS (
    SELECT staged.number, subscription.id, tag.tag_id
    FROM import_staged_tag AS tag
    JOIN import_staging AS staged ON staged.number = tag.number
    JOIN audience_subscription AS subscription
        ON subscription.mailing_list_id = %(list)s
        AND subscription.subscriber_id = coalesce(staged.person_id, staged.new_id)
    WHERE staged.subscription_id IS NULL OR %(changes)s
), tagged AS (
    INSERT INTO audience_taggedsubscription (subscription_id, tag_id, created_at)
    SELECT id, tag_id, %(moment)s FROM wanted ORDER BY id, tag_id
    ON CONFLICT (subscription_id, tag_id) DO NOTHING
    RETURNING subscription_id
)
INSERT INTO import_changed (number)
SELECT number FROM wanted WHERE id IN (SELECT subscription_id FROM tagged)
"""
_COUNT = """
SELECT count(*) FILTER (WHERE subscription_id IS NULL),
    count(*) FILTER (WHERE subscription_id IS NOT NULL AND number IN (SELECT number FROM import_changed)),
    count(*) FILTER (WHERE status = ANY(%(gone)s)),
    count(*)
FROM import_staging
"""


class Stage:
    """One chunk, from its lines to its counts."""

    def __init__(self, terms: Terms, parcel: Parcel) -> None:
        self.terms, self.parcel = terms, parcel
        self.how = _OVERWRITE if terms.on_conflict == OnConflict.UPDATE else _FILL
        self.parameters: dict[str, Any] = {
            "list": terms.mailing_list.pk,
            "list_name": terms.mailing_list.name,
            "organization": terms.mailing_list.organization_id,
            "status": str(terms.status),
            "confirms": terms.status == Status.UNCONFIRMED,
            "kind": str(terms.kind),
            "source": terms.source,
            "ip_address": terms.ip_address,
            "agreed_at": terms.subscribed_at or terms.moment,
            "wording": terms.wording,
            "by": terms.by_id,
            "moment": terms.moment,
            "changes": terms.on_conflict != OnConflict.SKIP,
            "gone": [str(status) for status in GONE],
        }

    def write(self) -> Counts:
        try:
            return self._write()
        except IntegrityError as error:
            raise Overtaken from error

    def _write(self) -> Counts:
        self._copy()
        known = self._add_people()
        if known:
            self._run(_FIND_SUBSCRIPTIONS)
            self._run(_LOOKED_AT)
            self._run(_CHANGE_PEOPLE.format(**self.how))
            if self.parameters["changes"]:
                self._run(_CHANGE_SUBSCRIPTIONS.format(**self.how))
        added = self._run(_ADD_SUBSCRIPTIONS)
        self._log_consent()
        self._spare_suppressed()
        self._tag()
        return self._count() if known else Counts(added=added)

    def _add_people(self) -> int:
        """Add those who are not there yet; how many are, found and locked.

        By email they are added before anybody is looked for, since most files are of new people.
        """
        ours, theirs = (_BY_EMAIL, _EMAIL_IS_THERE) if self.parcel.by_email else (_BY_PHONE, _PHONE_IS_THERE)
        known = 0 if self.parcel.by_email else self._find(ours)
        missing = len(self.parcel.staged) - known
        if missing and self._run(_ADD_PEOPLE.format(unless_known=theirs)) < missing:
            known = self._find(ours)
        return known

    def _find(self, known: str) -> int:
        """They are locked in the order of their keys, as in a Book."""
        found = self._run(_FIND.format(known=known))
        if found and self._run(_LOCK) != found:
            raise Overtaken
        return found

    def _copy(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_TABLES)
            with cursor.copy(_COPY) as copy:
                copy.write(self.parcel.lines)
            cursor.execute("ANALYZE import_staging (number)")

    def _log_consent(self) -> None:
        if self.parameters["by"] and not self._run(_HOLD_USER):
            self.parameters["by"] = None  # deleted since the chunk began
        self._run(_LOG_CONSENT)

    def _spare_suppressed(self) -> None:
        """Nobody who is suppressed gets a confirmation mail."""
        if self.parameters["confirms"]:
            emails = [row.email for row in self.parcel.staged if row.email]
            self._run(_SPARE_SUPPRESSED, suppressed=sorted(suppressed(self.terms.mailing_list, emails)))

    def _tag(self) -> None:
        pairs = [(number, name) for number, row in enumerate(self.parcel.staged) for name in row.tags]
        if not pairs:
            return
        keys = tag_keys(self.terms.mailing_list, {name for _, name in pairs})
        lines = "".join(f"{number}\t{keys[name]}\n" for number, name in pairs)
        with connection.cursor() as cursor, cursor.copy("COPY import_staged_tag FROM STDIN") as copy:
            copy.write(lines.encode())
        self._run(_TAG)

    def _count(self) -> Counts:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, self.parameters)
            added, changed, kept_out, total = cursor.fetchone()
        return Counts(added=added, changed=changed, unchanged=total - added - changed, kept_out=kept_out)

    def _run(self, statement: str, **parameters: Any) -> int:
        """How many rows it wrote."""
        with connection.cursor() as cursor:
            cursor.execute(statement, self.parameters | parameters)
            return int(cursor.rowcount)

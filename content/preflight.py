"""What is wrong with a content before anybody gets it: what must block, and what is only worth a look."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from content import fields, page_check
from content.compile import PARTS, Contents, compile_email
from content.errors import BrokenTemplate
from content.links import LINK_FIELDS
from content.merge import trial
from content.merge.languages import UNSUBSCRIBE_TAGS, Fields, looks_like_another, parsed_part
from content.merge.parsing import Parsed
from content.models import BodyFormat, Email, MergeLanguage
from content.previews import NOBODY
from content.sms import MAX_LENGTH, count_parts, foreign_characters

PART_NAMES = {
    "subject": "Subject",
    "preheader": "Preheader",
    "from_name": "Sender name",
    "html": "HTML",
    "text": "Text",
    "sms_body": "SMS",
}
LONG_SUBJECT = 70
# Gmail shows about this much of a mail's HTML and hides the rest behind a link.
GMAIL_CLIP_BYTES = 102 * 1024


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One remark; `field` is the campaign's field it concerns (`email` or `sms_body`)."""

    code: str
    field: str
    message: str
    blocks: bool


def check_email(email: Email, *, known_keys: set[str], fields: Fields = ()) -> list[Finding]:
    """Everything there is to say about this email, what blocks first. `fields` as in `content.compile`."""
    found = [*_sender(email), *_presence(email)]
    known = _Language(email.merge_language, tuple((number, key, name) for number, key, name in fields))
    parts, broken = _parsed({part: getattr(email, part) for part in PARTS}, "email", known)
    found += broken
    found += _logic(parts, {part: getattr(email, part) for part in parts}, "email", known)
    found += _unsubscribe_links(email, parts)
    found += _remarks(parts)
    found += _another_language(email)
    found += _unknown_fields(parts, {*known_keys, *LINK_FIELDS, *(key for _, key, _ in fields)}, "email")
    if not any(finding.code == "broken_template" for finding in found):
        found += _compiled(email, parts, known)
    return sorted(found, key=lambda finding: not finding.blocks)


def check_sms(body: str, *, known_keys: set[str]) -> list[Finding]:
    """Everything there is to say about this SMS, what blocks first."""
    if not body.strip():
        message = "This field is required to send an SMS campaign."
        return [Finding(code="no_body", field="sms_body", message=message, blocks=True)]
    parts, found = _parsed({"sms_body": body}, "sms_body")
    found += _logic(parts, {"sms_body": body}, "sms_body")
    found += _unknown_fields(parts, known_keys, "sms_body")
    found += [finding for parsed in parts.values() for finding in _sms_length(parsed, body)]
    return sorted(found, key=lambda finding: not finding.blocks)


@dataclass(frozen=True, slots=True)
class _Language:
    """What a content is written in, and the fields it can name."""

    name: str = ""
    fields: tuple[tuple[int, str, str], ...] = ()


OURS = _Language()


def _blocks(code: str, message: str, field: str = "email") -> Finding:
    return Finding(code=code, field=field, message=message, blocks=True)


def _warns(code: str, message: str, field: str = "email") -> Finding:
    return Finding(code=code, field=field, message=message, blocks=False)


def _sender(email: Email) -> Iterator[Finding]:
    if not email.from_email:
        yield _blocks("no_sender", "The email has no sender address.")
    elif not _is_address(email.from_email):
        yield _blocks("invalid_sender", f"The sender address {email.from_email} is not an email address.")
    if email.reply_to and not _is_address(email.reply_to):
        yield _blocks("invalid_reply_to", f"The reply address {email.reply_to} is not an email address.")
    for name in ("subject", "from_name", "from_email", "reply_to"):
        if len(getattr(email, name).splitlines()) > 1:
            yield _blocks("line_break", f"The {name.replace('_', ' ')} has a line break in it; write it on one line.")


def _wanted(email: Email) -> tuple[str, ...]:
    """The bodies that its format asks for."""
    return {BodyFormat.HTML: ("html",), BodyFormat.TEXT: ("text",), BodyFormat.BOTH: ("html", "text")}.get(
        BodyFormat(email.body_format), ()
    )


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _presence(email: Email) -> Iterator[Finding]:
    if not email.subject.strip():
        yield _blocks("no_subject", "The email has no subject.")
    if missing := [part for part in _wanted(email) if not getattr(email, part).strip()]:
        what = " and ".join(PART_NAMES[part] for part in missing)
        yield _blocks("no_body", f"The email is to be sent as {what}, and has none.")
    elif not (email.html.strip() or email.text.strip()):
        yield _blocks("no_body", "The email has no content.")
    if not email.preheader.strip() and email.html.strip():
        yield _warns("no_preheader", "There is no preheader; inboxes show the first words of the email instead.")


def _parsed(
    sources: Mapping[str, str], field: str, language: _Language = OURS
) -> tuple[dict[str, Parsed], list[Finding]]:
    parts, broken = {}, []
    for part, source in sources.items():
        try:
            parts[part] = parsed_part(source, language=language.name, part=part, fields=language.fields)
        except BrokenTemplate as problem:
            broken.append(_broken(problem, field))
    return parts, broken


def _broken(problem: BrokenTemplate, field: str) -> Finding:
    return _blocks("broken_template", f"{_place(problem.part, problem.line)}: {problem.message}", field)


def _place(part: str, line: int | None) -> str:
    name = PART_NAMES.get(part, "Email")
    return f"{name}, line {line}" if line else name


def _logic(
    parts: Mapping[str, Parsed], sources: Mapping[str, str], field: str, language: _Language = OURS
) -> Iterator[Finding]:
    """Logic is carried out for sample people, in a process of its own."""
    for part in parts:
        try:
            outcome = trial.tried(sources[part], markup=part == "html", language=language.name, fields=language.fields)
        except OSError as problem:
            yield _blocks(
                "not_tried", f"{_place(part, None)}: The logic could not be tried out, try again: {problem}", field
            )
            continue
        if outcome.broken:
            yield _broken(BrokenTemplate(outcome.broken, line=outcome.line, part=part), field)
        elif outcome.fails_without_values:
            where = _place(part, outcome.line)
            message = f"{where}: People without values for these fields get no message. {outcome.fails_without_values}"
            yield _warns("fails_without_values", message, field)


def _unsubscribe_links(email: Email, parts: Mapping[str, Parsed]) -> Iterator[Finding]:
    """What other programs send has no such link where they rely on the header, so there it is only worth a look."""
    finding = _blocks if email.merge_language == MergeLanguage.BROADSHEET else _warns
    for part, how in (("html", "as the address of a link"), ("text", "on a line of its own")):
        is_sent = part in (_wanted(email) or ("html", "text")) and getattr(email, part).strip()
        if is_sent and part in parts and "unsubscribe_url" not in parts[part].fields:
            tag = UNSUBSCRIBE_TAGS.get(email.merge_language, UNSUBSCRIBE_TAGS[MergeLanguage.BROADSHEET])
            message = f"The {PART_NAMES[part]} has no unsubscribe link: use {tag} {how}."
            yield finding("no_unsubscribe_link", message)


def _remarks(parts: Mapping[str, Parsed]) -> Iterator[Finding]:
    """What another language's tags leave to be said, each thing once."""
    said: set[str] = set()
    for part, parsed in parts.items():
        for remark in parsed.remarks:
            if remark.message not in said:
                said.add(remark.message)
                message = f"{_place(part, remark.line)}: {remark.message}"
                yield Finding(code=remark.code, field="email", message=message, blocks=remark.blocks)


def _another_language(email: Email) -> Iterator[Finding]:
    """Where the tags are another language's, they would go out as they are typed."""
    for part in PARTS:
        seems = looks_like_another(getattr(email, part), email.merge_language)
        if seems:
            other, tag, line = seems
            names = {each.value: each.label.partition(" ")[0] for each in MergeLanguage}
            mine = names.get(email.merge_language or MergeLanguage.BROADSHEET, "another")
            message = f"{tag} is {names[other]}'s language; this email is written in {mine}'s."
            yield _warns("another_language", f"{_place(part, line)}: {message}")
            return


def _unknown_fields(parts: Mapping[str, Parsed], known: set[str], field: str) -> Iterator[Finding]:
    for name in fields.unknown(parts, known):
        hint = f" Did you mean {name.suggestion}?" if name.suggestion else ""
        message = f"{_place(name.part, name.line)}: There is no field “{name.name}”, so it is always empty.{hint}"
        yield _warns("unknown_field", message, field)


def _compiled(email: Email, parts: Mapping[str, Parsed], language: _Language) -> Iterator[Finding]:
    """What only the finished message shows."""
    try:
        message = compile_email(email, run_id=0, base_url=settings.BASE_URL, fields=language.fields)
    except BrokenTemplate as problem:
        yield _broken(problem, "email")
        return
    for code, remark in page_check.remarks(parts["html"]):
        yield _warns(code, remark)
    with suppress(BrokenTemplate):  # logic that fails for people without values has been reported
        yield from _sizes(message.contents({}, NOBODY))


def _sizes(contents: Contents) -> Iterator[Finding]:
    if len(contents.subject) > LONG_SUBJECT:
        message = f"The subject has {len(contents.subject)} characters; many inboxes show no more than {LONG_SUBJECT}."
        yield _warns("long_subject", message)
    if (size := len(contents.html.encode())) > GMAIL_CLIP_BYTES:
        message = f"The HTML has {size // 1024} KB; Gmail hides what comes after 102 KB, unsubscribe link included."
        yield _warns("gmail_clip", message)


def _sms_length(parsed: Parsed, body: str) -> Iterator[Finding]:
    """Of what is the same for everybody; values come on top."""
    text = "".join(getattr(segment, "text", "") for segment in parsed.segments).strip()
    count = count_parts(text)
    more = " or more, with the values of its fields" if parsed.fields else ""
    if len(text) > MAX_LENGTH:
        yield _blocks("too_long", f"The SMS has {len(text):,} characters of at most {MAX_LENGTH:,}.", "sms_body")
    elif count.parts > 1:
        why = ""
        if count.encoding == "UCS-2":
            why = f" Without {' '.join(foreign_characters(text)[:10])} more than twice as much would fit into each."
        yield _warns("several_parts", f"The SMS is billed as {count.parts} parts{more}.{why}", "sms_body")

"""What is wrong with a content before anybody gets it: what must block, and what is only worth a look."""

from dataclasses import dataclass

from content.models import Email


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One remark; `field` is the campaign's field it concerns (`email` or `sms_body`)."""

    code: str
    field: str
    message: str
    blocks: bool


def check_email(email: Email, *, known_keys: set[str]) -> list[Finding]:
    found = []
    if not email.subject.strip():
        found.append(Finding(code="no_subject", field="email", message="The email has no subject.", blocks=True))
    if not (email.html.strip() or email.text.strip()):
        found.append(Finding(code="no_body", field="email", message="The email has no content.", blocks=True))
    if not email.from_email:
        found.append(Finding(code="no_sender", field="email", message="The email has no sender address.", blocks=True))
    return found


def check_sms(body: str, *, known_keys: set[str]) -> list[Finding]:
    if not body.strip():
        return [
            Finding(
                code="no_body", field="sms_body", message="This field is required to send an SMS campaign.", blocks=True
            )
        ]
    return []

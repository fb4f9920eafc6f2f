"""Header fields that mailbox providers and mail programs read, for each recipient of a run.

List-Unsubscribe and List-Unsubscribe-Post (RFC 2369, RFC 8058), List-Id (RFC 2919), Feedback-ID, and a Message-ID that
is the same however often the message is sent. Precedence is not set: it says nothing to a filter that these do not.
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings

from campaigns.models import CampaignRun
from content.tokens import Purpose, recipient_token

_PLAIN_NAME = re.compile(r"[A-Za-z0-9 .,!&'()+/-]{1,60}")
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeaders:
    """What is the same for everybody in a run."""

    run_id: int
    base_url: str
    message_prefix: str
    domain: str
    list_domain: str
    organization: tuple[str, str]
    feedback_id: str

    @classmethod
    def of(cls, run: CampaignRun, *, from_email: str) -> Self:
        """`from_email` gives the domain of the Message-ID; the run comes with its campaign and organization."""
        campaign, organization = run.campaign, run.campaign.organization
        host = urlsplit(settings.BASE_URL).hostname or "localhost"
        return cls(
            run_id=run.pk,
            base_url=settings.BASE_URL,
            message_prefix=f"{campaign.public_id}.{run.number}",
            domain=ascii_domain(from_email.rpartition("@")[2]) or host,
            list_domain=f"{organization.slug}.{host}",
            organization=(organization.public_id, organization.name),
            feedback_id=f"{run.pk}:{campaign.public_id}:{organization.public_id}:broadsheet",
        )

    def message_id(self, recipient_id: int) -> str:
        return f"<{self.message_prefix}.{recipient_id}@{self.domain}>"

    def headers(self, recipient_id: int, subscriber_id: int, mailing_list: tuple[str, str] | None) -> Headers:
        """`mailing_list` is the public id and name of the list through which the person is reached, if there is one."""
        token = recipient_token(
            Purpose.UNSUBSCRIBE, run_id=self.run_id, recipient_id=recipient_id, subscriber_id=subscriber_id
        )
        return (
            ("List-Unsubscribe", f"<{self.base_url}/u/{token}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-Id", self._list_id(*(mailing_list or self.organization))),
            ("Feedback-ID", self.feedback_id),
        )

    def _list_id(self, public_id: str, name: str) -> str:
        identity = f"<{public_id}.{self.list_domain}>"
        return f'"{name}" {identity}' if _PLAIN_NAME.fullmatch(name) else identity


def ascii_domain(domain: str) -> str:
    """The domain as it stands in headers; nothing for one that cannot."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""

"""Which transport carries a channel's messages."""

from dataclasses import replace

from campaigns.models import Channel
from delivery.transports import Transport
from delivery.transports.sms_inbox import SmsInboxTransport
from delivery.transports.smtp import SmtpTransport
from delivery.transports.smtp_session import Relay


def transport_for(channel: str, *, organization_id: int, patience: float | None = None) -> Transport:
    """`patience` is the longest time-out in seconds, for when somebody waits at a screen."""
    if channel == Channel.SMS:
        return SmsInboxTransport(organization_id)
    relay = Relay.from_settings()
    return SmtpTransport(relay if patience is None else replace(relay, timeout=min(relay.timeout, patience)))

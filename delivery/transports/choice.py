"""Which transport carries a channel's messages."""

from campaigns.models import Channel
from delivery.transports import Transport
from delivery.transports.sms_inbox import SmsInboxTransport
from delivery.transports.smtp import SmtpTransport
from delivery.transports.smtp_session import Relay


def transport_for(channel: str, *, organization_id: int) -> Transport:
    if channel == Channel.SMS:
        return SmsInboxTransport(organization_id)
    return SmtpTransport(Relay.from_settings())

"""Mails that come back, as mail servers write them; made after the RFCs and after what such servers are known to say.

`{to}`: who the message went to; `{original}`: the header of the message that came back.
"""

ORIGINAL = """\
Return-Path: <bounces@news.example>
Received: from relay.news.example (relay.news.example [192.0.2.25])
\tby mx.reader.example with ESMTP id 4B2C1; Sat, 21 Nov 2026 09:00:03 +0000
From: Morning Post <post@news.example>
To: {to}
Subject: The news of today
Message-ID: <{message_id}>
Feedback-ID: {feedback_id}
List-Unsubscribe: <https://broadsheet.example/u/{token}>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
"""
UNKNOWN = {"message_id": "1@elsewhere.example", "feedback_id": "none", "token": "none"}


def original(to="bob@reader.example", **about):
    return ORIGINAL.format(to=to, **(UNKNOWN | about))


def dsn(
    *,
    to="bob@reader.example",
    action="failed",
    status="5.1.1",
    diagnostic="smtp; 550 5.1.1 User unknown",
    returned=None,
    sender="MAILER-DAEMON@mx.reader.example",
    original_recipient="",
    envelope="bounces@news.example",
    subject="Undelivered Mail Returned to Sender",
    others="",
):
    """RFC 3464 in RFC 6522."""
    original_field = f"Original-Recipient: rfc822;{original_recipient}\n" if original_recipient else ""
    text = f"""\
Return-Path: <>
From: Mail Delivery System <{sender}>
To: {envelope}
Subject: {subject}
Auto-Submitted: auto-replied
Date: Sat, 21 Nov 2026 09:00:04 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="xyz"

--xyz
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--xyz
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.reader.example
Arrival-Date: Sat, 21 Nov 2026 09:00:03 +0000

{original_field}Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Remote-MTA: dns; in.reader.example
Diagnostic-Code: {diagnostic}
{others}
--xyz
Content-Type: text/rfc822-headers

{returned or original(to)}
--xyz--
"""
    return wire(text)


def feedback(*, to="bob@reader.example", kind="abuse", returned=None, named=True):
    """RFC 5965."""
    recipient = f"Original-Rcpt-To: <{to}>\n" if named else ""
    text = f"""\
From: <fbl@provider.example>
To: <abuse@news.example>
Subject: FW: The news of today
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="fbl"

--fbl
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.25 on Sat, 21 Nov 2026 09:00:00 +0000.

--fbl
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <bounces@news.example>
{recipient}Source-IP: 192.0.2.25
Reported-Domain: news.example

--fbl
Content-Type: message/rfc822
Content-Disposition: inline

{returned or original(to)}
The news.

--fbl--
"""
    return wire(text)


def plain(body, *, subject, sender="MAILER-DAEMON@mx.reader.example", headers="", return_path="<>"):
    """A mail without parts."""
    return wire(f"""\
Return-Path: {return_path}
From: {sender}
To: bounces@news.example
Subject: {subject}
{headers}MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

{body}""")


def wire(text):
    return text.replace("\n", "\r\n").encode()


QMAIL = plain(
    f"""\
Hi. This is the qmail-send program at mx.reader.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<bob@reader.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{original()}

The news.
""",
    subject="failure notice",
)
EXIM = plain(
    f"""\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bob@reader.example
    SMTP error from remote mail server after RCPT TO:<bob@reader.example>:
    host mx.reader.example [192.0.2.9]: 550 No such user here

------ This is a copy of the message, including all the headers. ------

{original()}

The news.
""",
    subject="Mail delivery failed: returning message to sender",
    headers="X-Failed-Recipients: bob@reader.example\nAuto-Submitted: auto-replied\n",
)
EXIM_FULL = plain(
    """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bob@reader.example
    mailbox is full: retry timeout exceeded

------ This is a copy of the message, including all the headers. ------

""",
    subject="Mail delivery failed: returning message to sender",
    headers="X-Failed-Recipients: bob@reader.example\n",
)
POSTFIX_TEXT = plain(
    """\
This is the Postfix program at host mail.news.example.

I'm sorry to have to inform you that your message could not be
delivered to one or more recipients. It's attached below.

                   The Postfix program

<bob@nowhere.example>: Host or domain name not found. Name service error for
    name=nowhere.example type=MX: Host not found
""",
    subject="Undelivered Mail Returned to Sender",
)
SENDMAIL_TEXT = plain(
    f"""\
The original message was received at Sat, 21 Nov 2026 09:00:00 GMT
from relay.news.example [192.0.2.25]

   ----- The following addresses had permanent fatal errors -----
<bob@reader.example>

   ----- Transcript of session follows -----
... while talking to mx.reader.example.:
>>> RCPT To:<bob@reader.example>
<<< 550 5.1.1 <bob@reader.example>... User unknown
550 <bob@reader.example>... User unknown

   ----- Original message follows -----

{original()}
""",
    subject="Returned mail: User unknown",
)
NO_KNOWN_FORM = plain(
    """\
Ihre Nachricht konnte nicht zugestellt werden.

Grund: 550 5.1.1 Der Empfaenger existiert nicht.
""",
    subject="Unzustellbar: The news of today",
)
AWAY = plain(
    "I am on holiday until 7 December.\n",
    subject="Automatic reply: The news of today",
    sender="Bob <bob@reader.example>",
    headers="Auto-Submitted: auto-replied\n",
    return_path="<bob@reader.example>",
)
ABWESEND = plain(
    "Ich bin bis zum 7. Dezember nicht im Büro.\n",
    subject="=?utf-8?q?Abwesenheitsnotiz=3A_Nachrichten?=",
    sender="Bob <bob@reader.example>",
)
CHALLENGE = plain(
    "Please click below to verify that you are a person, and your mail will be delivered.\n",
    subject="Re: The news of today [confirm your message]",
    sender="Bob <bob@reader.example>",
    headers="Auto-Submitted: auto-replied\n",
)
ANSWER = plain(
    "I liked the piece on page three.\n",
    subject="Re: The news of today",
    sender="Bob <bob@reader.example>",
    return_path="<bob@reader.example>",
)
WARNING = plain(
    """\
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.reader.example.

The following address(es) have not yet been delivered:
    bob@reader.example

No action is required on your part.
""",
    subject="Warning: message 1kA-0002 delayed 24 hours",
)

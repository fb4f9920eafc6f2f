import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking import returned_mails as mails
from tests.tracking.returned_mails import dsn, feedback, plain
from tracking.bounces.causes import Cause, cause_of
from tracking.bounces.mail import Nothing, parse

BOB = "bob@reader.example"
# What servers answered, and whose fault that is.
ANSWERS = [
    (
        "5.1.1",
        "550 5.1.1 <bob@reader.example>: Recipient address rejected: User unknown in virtual table",
        Cause.NO_MAILBOX,
    ),
    ("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist.", Cause.NO_MAILBOX),
    (
        "5.1.10",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        Cause.NO_DOMAIN,
    ),
    ("5.0.0", "550 Requested action not taken: mailbox unavailable", Cause.NO_MAILBOX),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. [mx.reader.example]", Cause.NO_MAILBOX),
    ("5.7.1", "550 5.7.1 No such user!", Cause.NO_MAILBOX),
    ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled.", Cause.DISABLED),
    ("5.5.0", "554 delivery error: This user doesn't have a reader.example account", Cause.NO_MAILBOX),
    ("5.1.2", "host unknown", Cause.NO_DOMAIN),
    ("5.4.4", "Host or domain name not found. Name service error for name=nowhere.example", Cause.NO_DOMAIN),
    ("", "556 nowhere.example does not accept mail (nullMX)", Cause.NO_DOMAIN),
    ("5.2.2", "552 5.2.2 The email account that you tried to reach is over quota.", Cause.FULL),
    ("5.7.1", "554 5.7.1 mailbox full", Cause.FULL),
    ("4.2.2", "452-4.2.2 The recipient's inbox is out of storage space.", Cause.FULL),
    ("4.7.0", "450 4.7.0 Greylisted, please come again", Cause.BUSY),
    ("5.2.1", "550 5.2.1 The user you are trying to contact is receiving mail too quickly", Cause.BUSY),
    ("4.4.7", "delivery time expired", Cause.UNREACHABLE),
    ("4.4.1", "connect to mx.reader.example[192.0.2.9]:25: Connection timed out", Cause.UNREACHABLE),
    ("5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using list.example", Cause.POLICY),
    ("5.7.1", "550 5.7.1 Our system has detected that this message is likely unsolicited mail.", Cause.POLICY),
    ("5.1.8", "450 4.1.8 <x@y.example>: Sender address rejected: Domain not found", Cause.POLICY),
    (
        "5.7.26",
        "550-5.7.26 Unauthenticated email from news.example is not accepted due to DMARC policy",
        Cause.AUTHENTICATION,
    ),
    ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", Cause.TOO_LARGE),
    ("5.6.0", "554 rejected: contains a virus", Cause.CONTENT),
    ("5.4.6", "554 5.4.6 Too many hops 26 (25 max)", Cause.ROUTING),
    ("5.0.0", "", Cause.SOFT),
    ("", "", Cause.SOFT),
]


@pytest.mark.parametrize(("status", "words", "cause"), ANSWERS, ids=[words[:40] for _, words, _ in ANSWERS])
def test_an_answer_says_why(status, words, cause):
    assert cause_of(status, words) is cause


def test_what_was_only_put_off_is_never_hard():
    assert cause_of("4.1.1", "450 4.1.1 User unknown, try another time").type == "soft"
    assert cause_of("", "451 no such user here").type == "soft"


def test_codes_say_their_type():
    assert {each.code for each in Cause} == {each.value[0] for each in Cause}
    assert Cause.of_code("201") is Cause.FULL
    assert Cause.of_code("999") is None


def only(raw):
    (report,) = parse(raw).reports
    return report


def test_a_status_notification_says_who_and_why():
    report = only(dsn(to="Bob@Reader.example"))

    assert (report.kind, report.address, report.status) == ("bounced", BOB, "5.1.1")
    assert report.cause is Cause.NO_MAILBOX
    assert report.diagnostic == "550 5.1.1 User unknown"


def test_the_address_we_wrote_to_counts_where_the_mail_was_forwarded():
    assert only(dsn(to="robert@elsewhere.example", original_recipient=BOB)).address == BOB


def test_the_words_of_the_server_make_a_general_status_exact():
    report = only(dsn(status="5.0.0", diagnostic="smtp; 552 5.2.2 Over quota"))

    assert (report.status, report.cause) == ("5.2.2", Cause.FULL)


def test_a_notification_of_several_recipients_reports_each():
    other = "\nFinal-Recipient: rfc822; ann@reader.example\nAction: failed\nStatus: 5.2.2\n"

    found = parse(dsn(others=other)).reports

    assert [(each.address, each.cause) for each in found] == [
        (BOB, Cause.NO_MAILBOX),
        ("ann@reader.example", Cause.FULL),
    ]


def test_a_success_is_a_delivery():
    assert only(dsn(action="delivered", status="2.0.0", diagnostic="smtp; 250 ok")).kind == "delivered"


@pytest.mark.parametrize("action", ["relayed", "expanded"])
def test_what_went_on_elsewhere_is_not_known_yet(action):
    assert parse(dsn(action=action, status="2.0.0", subject="Relayed")).reports == ()


def test_a_delay_is_no_bounce():
    parsed = parse(dsn(action="delayed", status="4.4.1", diagnostic="smtp; 451 try later"))

    assert (parsed.reports, parsed.nothing) == ((), Nothing.DELAYED)
    assert parse(mails.WARNING).nothing == Nothing.DELAYED


@pytest.mark.parametrize(
    ("raw", "address", "cause"),
    [
        (mails.QMAIL, BOB, Cause.NO_MAILBOX),
        (mails.EXIM, BOB, Cause.NO_MAILBOX),
        (mails.EXIM_FULL, BOB, Cause.FULL),
        (mails.POSTFIX_TEXT, "bob@nowhere.example", Cause.NO_DOMAIN),
        (mails.SENDMAIL_TEXT, BOB, Cause.NO_MAILBOX),
        (mails.NO_KNOWN_FORM, "", Cause.NO_MAILBOX),
    ],
    ids=["qmail", "exim", "exim, full", "postfix", "sendmail", "no known form"],
)
def test_bounces_in_words_are_understood(raw, address, cause):
    report = only(raw)

    assert (report.kind, report.address, report.cause) == ("bounced", address, cause)


@pytest.mark.parametrize("raw", [mails.AWAY, mails.ABWESEND, mails.CHALLENGE], ids=["away", "abwesend", "challenge"])
def test_automatic_replies_are_no_bounces(raw):
    parsed = parse(raw)

    assert (parsed.reports, parsed.nothing) == ((), Nothing.AUTOMATIC)


def test_a_readers_answer_is_no_report():
    parsed = parse(mails.ANSWER)

    assert (parsed.reports, parsed.nothing) == ((), Nothing.NO_REPORT)
    assert (parsed.sender, parsed.subject) == (BOB, "Re: The news of today")


def test_a_feedback_report_is_a_complaint():
    report = only(feedback())

    assert (report.kind, report.address) == ("complained", BOB)


@pytest.mark.parametrize("hidden", ["redacted@provider.example", "cGF1bA==@provider.example"])
def test_a_redacted_complaint_counts_by_the_message_that_came_along(hidden):
    raw = feedback(to=hidden, returned=mails.original(hidden, token="t" * 28))

    assert only(raw).kind == "complained"
    assert parse(raw).original.unsubscribe_token == "t" * 28
    assert only(feedback(named=False)).address == ""


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_feedback_about_something_else_is_no_complaint(kind):
    assert parse(feedback(kind=kind)).reports == ()


@pytest.mark.parametrize(
    "raw",
    [dsn(returned=mails.original(token="t" * 28)), feedback(returned=mails.original(token="t" * 28))],
    ids=["headers", "whole message"],
)
def test_the_message_that_came_back_is_looked_at(raw):
    assert parse(raw).original.unsubscribe_token == "t" * 28


def test_a_message_copied_into_the_text_is_looked_at():
    copied = f"550 5.1.1 User unknown\n\n--- Original ---\n{mails.original(token='t' * 28)}\nThe news.\n"

    parsed = parse(plain(copied, subject="Undeliverable"))

    assert parsed.original.unsubscribe_token == "t" * 28
    assert parsed.original.message_id == "<1@elsewhere.example>"


def test_where_it_was_delivered_is_known():
    raw = b"Delivered-To: bounces+abc@news.example\r\n" + mails.QMAIL

    assert parse(raw).to == ("bounces+abc@news.example", "bounces@news.example")


@given(st.binary(max_size=400))
def test_no_bytes_break_it(raw):
    parse(raw)


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_no_damaged_notification_breaks_it(place, noise):
    for raw in (dsn(), feedback()):
        parse(raw[:place] + noise + raw[place + len(noise) :])


@pytest.mark.parametrize(
    "raw",
    [
        "To: " + "(" * 5000 + "\n\nIt failed.",
        "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3000)),
    ],
)
def test_what_the_standard_library_gives_up_on_reports_nothing(raw):
    assert parse(raw.encode()).nothing is Nothing.NO_REPORT


@pytest.mark.parametrize("text", ["-" * 2_000_000, "<" * 2_000_000, "<" + "@" * 2_000_000, "=" * 2_000_000])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_a_mail_made_to_keep_us_reading_is_read_in_a_moment(text, kind):
    """It would take hours if an expression went back over what it has read."""
    parse(f"From: MAILER-DAEMON@mx.example\nSubject: Undeliverable\nContent-Type: text/{kind}\n\n{text}".encode())

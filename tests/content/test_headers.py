"""No text from anywhere can become a header, or a recipient, of its own."""

import email.header
import email.policy
from datetime import UTC, datetime
from email.parser import BytesParser
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from content import headers
from content.errors import BadAddress
from content.headers import single_line
from tests.content.sources import addressing, arrived, compiled

# Everything that anybody could think of putting into a field.
nasty = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="ab ,;:<>@\"'\\\r\n\t\0()[]=?_éж😀\u2028\x85\ud800", max_size=120),
    st.sampled_from(
        [
            "x\r\nBcc: victim@example.com",
            "x\nBcc: victim@example.com\n\nbody",
            "a@example.com, victim@example.com",
            "<victim@example.com>",
            '" <victim@example.com>, "',
            "=?utf-8?q?x=0D=0ABcc:_victim@example.com?=",
            "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5jb20=?=",
            "x\u2028Bcc: victim@example.com",
            "x" * 2000,
            "é" * 700,
            "word " * 300,
        ]
    ),
)
EXPECTED = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "MIME-Version",
    "Content-Type",
]


@given(subject=nasty, name=nasty, to_name=nasty, listed=nasty, body=nasty)
def test_a_message_has_exactly_its_own_headers_and_recipients(message, subject, name, to_name, listed, body):
    raw = message.render(
        {"subject": subject, "name": name, "body": body}, addressing(to_name=to_name, headers=(("List-Id", listed),))
    )

    head, _, _ = raw.partition(b"\r\n\r\n")
    parsed = BytesParser(policy=email.policy.default).parsebytes(raw)
    assert raw.isascii()
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert parsed.keys() == EXPECTED
    assert not any(line.strip() == b"" for line in head.split(b"\r\n"))
    assert [address for _, address in getaddresses([str(parsed["To"])])] == ["zoe@example.com"]
    assert [address.addr_spec for address in parsed["From"].addresses] == ["post@news.example"]
    assert [address.addr_spec for address in parsed["Reply-To"].addresses] == ["desk@news.example"]
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.fixture(scope="module")
def message():
    return compiled(
        subject="{{ subject }}", from_name="{{ name }}", reply_to="desk@news.example", html="<p>{{ body }}</p>"
    )


def decoded(line):
    """What a reader's program shows for an unstructured header."""
    raw = line.partition(b": ")[2].removesuffix(b"\r\n").replace(b"\r\n", b"").decode()
    return str(email.header.make_header(email.header.decode_header(raw)))


@given(text=nasty)
@example("")
@example("a  b   c " * 30)
@example("é" + " " * 90 + "é")
def test_a_subject_reads_as_it_was_written_but_on_one_line(text):
    line = headers.unstructured("Subject", text)

    assert decoded(line) == single_line(text)
    assert max(map(len, line.split(b"\r\n"))) <= 998
    assert all(part[:1] in (b" ", b"") and (part.strip() or not part) for part in line.split(b"\r\n")[1:])


@given(text=st.text(alphabet="abc äö€", max_size=300))
def test_lines_with_encoded_words_keep_to_76_characters(text):
    line = headers.unstructured("Subject", text + "é")

    assert max(map(len, line.split(b"\r\n"))) <= 76


def test_long_ascii_text_is_folded_at_spaces():
    line = headers.unstructured("List-Unsubscribe", f"<https://example.com/{'a' * 90}>, <mailto:leave@example.com>")

    assert line == (b"List-Unsubscribe: <https://example.com/" + b"a" * 90 + b">,\r\n <mailto:leave@example.com>\r\n")


@given(display=nasty)
def test_a_display_name_reads_as_it_was_written(display):
    line = headers.mailbox("From", "post@news.example", display)

    (address,) = arrived(line + b"\r\n")["From"].addresses
    assert address.addr_spec == "post@news.example"
    # without blanks: Python's parser puts one between two encoded words of a name (RFC 2047 section 6.2 says none)
    assert "".join(address.display_name.split()) == "".join(single_line(display)[:200].split())


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("zoe+tag@example.com", "zoe+tag@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
        ("zoë@example.com", "zoë@example.com"),
        ("a b@example.com", '"a b"@example.com'),
        ('a"b\\c@example.com', '"a\\"b\\\\c"@example.com'),
        ("a@x, b@example.com", '"a@x, b"@example.com'),
        ("a@example.com>, <b@example.com", '"a@example.com>, <b"@example.com'),
        ("a..b@example.com", '"a..b"@example.com'),
    ],
)
def test_an_address_is_written_so_that_it_is_one(address, written):
    assert headers.addr_spec(address) == written
    (found,) = arrived(headers.mailbox("To", address) + b"\r\n")["To"].addresses
    assert found.domain == written.rpartition("@")[2]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a@exa mple.com",
        "a@example..com",
        "a@[127.0.0.1]",
        "ä b@example.com",
        "a@" + "x" * 400,
        "a@" + "ü" * 70 + ".com",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadAddress):
        headers.addr_spec(address)


@given(address=nasty)
def test_no_address_adds_a_recipient(address):
    try:
        line = headers.mailbox("To", address)
    except BadAddress:
        return

    assert line.count(b"\r\n") == 1
    assert len(arrived(line + b"\r\n")["To"].addresses) == 1


def test_only_a_local_part_that_is_not_ascii_needs_smtputf8():
    assert headers.needs_smtputf8("zoë@example.com")
    assert not headers.needs_smtputf8("zoe@bücher.example")


@pytest.mark.parametrize("value", ["", "a@b", "<a@b>\r\nBcc: x", "<a b@c>", "<a>", "<@b>", f"<{'a' * 999}@b>"])
def test_what_is_no_message_id_is_refused(value):
    with pytest.raises(ValueError, match="Message-ID"):
        headers.message_id(value)


def test_a_date_is_written_in_utc():
    assert headers.date(datetime(2026, 3, 7, 8, 9, 10, 999, tzinfo=UTC)) == b"Date: Sat, 07 Mar 2026 08:09:10 +0000\r\n"

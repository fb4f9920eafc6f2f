import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content import mime
from content.merge.bodies import SlotBody, body_of
from content.merge.parsing import parse
from content.merge.values import cleaned, context_of

texts = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="a .=\n\t\réж😀", max_size=300),
    st.sampled_from([".", ".\n.\n", "From me\n", "a" * 200, " " * 100, "x \n", "=20", "é" * 90, "\n\n"]),
)


def read_back(part, context):
    encoded = part.render(context)
    assert encoded.isascii()
    assert encoded.endswith(b"\r\n")
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert encoded.count(b"\n") == encoded.count(b"\r\n") == encoded.count(b"\r")
    raw = mime.part_headers("plain", part.encoding) + encoded
    return email.message_from_bytes(raw, policy=email.policy.default).get_content().replace("\r\n", "\n")


def slots(*literals):
    """A body of these literals with a slot between each two."""
    parts = []
    for place, literal in enumerate(literals):
        parts += [literal, place] if place + 1 < len(literals) else [literal]
    return SlotBody(parts, [lambda context, name=str(n): context[name] for n in range(len(literals) - 1)], str)


@given(literals=st.lists(texts.map(cleaned), min_size=1, max_size=4), values=st.lists(texts.map(cleaned), min_size=3))
def test_slots_in_quoted_printable_read_as_the_whole_text_does(literals, values):
    context = {str(number): value for number, value in enumerate(values)}
    body = slots(*literals)

    assert read_back(mime.QuotedSlots(body), context).rstrip("\n") == body.render(context).rstrip("\n")


@given(text=texts.map(cleaned))
def test_each_encoding_reads_as_the_text(text):
    body = slots(text)

    assert read_back(mime.Base64Part(body), {}) == text
    assert read_back(mime.QuotedPart(body), {}).rstrip("\n") == text.rstrip("\n")


@given(value=texts)
def test_a_compiled_part_reads_as_its_body(value):
    body = body_of(parse("Dear {{ name }}, {{ name }}\n").segments)
    context = context_of({"name": value}, ["name"])

    assert read_back(mime.part_of(body, "Dear"), context).rstrip("\n") == body.render(context).rstrip("\n")


@pytest.mark.parametrize("length", range(70, 80))
def test_a_full_line_before_a_slot_is_broken_once_more(length):
    body = slots("é" * 12 + "x" * (length - 72), "é" * 12 + "x" * (length - 72) + "\n")

    assert read_back(mime.QuotedSlots(body), {"0": "x" * length}) == body.render({"0": "x" * length}) + "\n"


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        ("", "quoted-printable"),
        ("plain", "quoted-printable"),
        ("déjà vu, a few accents", "quoted-printable"),
        ("жизнь", "base64"),
    ],
)
def test_the_encoding_is_the_shorter_one(sample, encoding):
    assert mime.part_of(body_of([sample]), sample).encoding == encoding


def test_the_boundary_cannot_occur_in_a_part():
    assert mime.boundary("a", "b") == mime.boundary("a", "b") != mime.boundary("ab", "")
    assert mime.boundary("a").startswith("=_")

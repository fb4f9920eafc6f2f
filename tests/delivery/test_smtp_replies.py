from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.transports.smtp_replies import ProtocolError, Reply, ReplyReader

TRANSCRIPT = (
    b"220 sink ESMTP\r\n250-sink\r\n250-SIZE 1000\r\n250 PIPELINING\r\n250\r\n"
    b"550-5.1.1 No such mailbox;\r\n550 5.1.1 see https://help.example\r\n354 go\r\n"
)
REPLIES = [
    Reply(220, ("sink ESMTP",)),
    Reply(250, ("sink", "SIZE 1000", "PIPELINING")),
    Reply(250, ("",)),
    Reply(550, ("5.1.1 No such mailbox;", "5.1.1 see https://help.example")),
    Reply(354, ("go",)),
]


@given(cuts=st.sets(st.integers(1, len(TRANSCRIPT) - 1)))
def test_replies_are_the_same_in_whatever_pieces_they_come(cuts):
    reader, places = ReplyReader(), [0, *sorted(cuts), len(TRANSCRIPT)]

    read = [reply for a, b in pairwise(places) for reply in reader.feed(TRANSCRIPT[a:b])]

    assert read == REPLIES
    assert reader.is_empty


def test_an_enhanced_code_that_every_line_repeats_is_said_once():
    assert REPLIES[3].text == "5.1.1 No such mailbox; see https://help.example"
    assert REPLIES[3].enhanced_code == "5.1.1"
    assert REPLIES[1].enhanced_code == ""


@pytest.mark.parametrize(
    "junk",
    [b"hello\r\n", b"\r\n", b"99 x\r\n", b"650 x\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n", b"\xff\xfe\r\n"],
)
def test_what_is_no_reply_is_an_error(junk):
    with pytest.raises(ProtocolError):
        ReplyReader().feed(junk)


def test_a_server_cannot_fill_our_memory():
    with pytest.raises(ProtocolError):
        ReplyReader().feed(b"x" * 100_000)
    with pytest.raises(ProtocolError):
        ReplyReader().feed(b"250-more\r\n" * 2000)


def test_bytes_that_are_no_text_do_not_break_the_reply():
    (reply,) = ReplyReader().feed(b"550 \xff\x00 gone\r\n")

    assert reply == Reply(550, ("\ufffd gone",))

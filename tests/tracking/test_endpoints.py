from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.tokens import Purpose, link_token, recipient_token
from tracking import spool
from tracking.endpoints import PIXEL, TrackingApplication

WHO = {"run_id": 7, "recipient_id": 12, "subscriber_id": 34}
STORY = "https://example.com/story?a=1&b=%C3%BC#top"


def django(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"django"]


def ask(path, method="GET", application=None, **headers):
    """(status code, headers, body) of a request, through the standard library's WSGI checker."""
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", **headers}
    setup_testing_defaults(environ)
    answer = {}

    def start_response(status, response_headers, exc_info=None):
        answer.update(status=int(status.split()[0]), headers=dict(response_headers))
        return lambda data: None

    iterable = validator(application or TrackingApplication(django))(environ, start_response)
    body = b"".join(iterable)
    iterable.close()
    return answer["status"], answer["headers"], body


def open_path(**who):
    return f"/o/{recipient_token(Purpose.OPEN, **(who or WHO))}.gif"


def click_path(url=STORY, *, run_id=7, position=3, purpose=Purpose.CLICK):
    return f"/c/{recipient_token(purpose, **WHO)}/{link_token(run_id=run_id, position=position, url=url)}"


def spooled(folder):
    """Hits; what is written of refused links is none."""
    records = [record for path in spool.files(folder) for record in spool.read(path)]
    return [record.hit for record in records if record.hit.kind != spool.REFUSED]


def test_an_open_is_answered_with_the_pixel_and_spooled(own_spool):
    status, headers, body = ask(
        open_path(), REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Mail/2.0", HTTP_X_FORWARDED_FOR="203.0.113.5"
    )

    assert (status, body, len(body)) == (200, PIXEL, 43)
    assert headers["Content-Type"] == "image/gif"
    assert "no-store" in headers["Cache-Control"]
    [hit] = spooled(own_spool)
    assert (hit.kind, hit.run_id, hit.recipient_id, hit.subscriber_id) == ("opened", 7, 12, 34)
    assert (hit.ip_address, hit.user_agent) == ("192.0.2.9", "Mail/2.0")


def test_a_click_leads_to_the_signed_address_and_is_spooled(own_spool):
    status, headers, _ = ask(click_path())

    assert (status, headers["Location"]) == (302, STORY)
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "no-referrer"  # our address has the token in it
    [hit] = spooled(own_spool)
    assert (hit.kind, hit.link_position, hit.url) == ("clicked", 3, STORY)


def hidden_path():
    return f"/h/{recipient_token(Purpose.PROBE, **WHO)}"


def test_the_hidden_link_leads_to_a_plain_page_and_is_spooled(own_spool):
    status, headers, body = ask(hidden_path(), REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT="Scanner/2.0")

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Location" not in headers
    assert b"href" not in body
    assert b"<form" not in body
    [hit] = spooled(own_spool)
    assert (hit.kind, hit.recipient_id, hit.ip_address, hit.user_agent) == ("probed", 12, "192.0.2.9", "Scanner/2.0")


@pytest.mark.parametrize("purpose", [each for each in Purpose if each is not Purpose.PROBE])
def test_no_other_link_passes_as_the_hidden_one(purpose, own_spool):
    assert ask(f"/h/{recipient_token(purpose, **WHO)}")[0] == 404
    assert spooled(own_spool) == []


@pytest.mark.parametrize("path", [open_path, click_path, hidden_path])
def test_head_is_answered_and_not_counted(path, own_spool):
    get_status, get_headers, _ = ask(path())
    counted = len(spooled(own_spool))

    status, headers, body = ask(path(), "HEAD")

    assert (status, headers, body) == (get_status, get_headers, b"")
    assert len(spooled(own_spool)) == counted == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused_and_not_counted(method, own_spool):
    status, headers, _ = ask(open_path(), method)

    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert spooled(own_spool) == []


def other_runs_link():
    return click_path(run_id=8)


def pixel_token_as_click():
    return click_path(purpose=Purpose.OPEN)


def swapped_halves():
    return f"/c/{link_token(run_id=7, position=1, url=STORY)}/{recipient_token(Purpose.CLICK, **WHO)}"


def a_changed_character():
    path = click_path()
    return path[:-5] + ("A" if path[-5] != "A" else "B") + path[-4:]


@pytest.mark.parametrize(
    "path",
    [
        "/o/",
        "/o/.gif",
        "/o/x.gif",
        "/c/",
        "/c//",
        "/c/https://evil.example/",
        "/c//evil.example",
        "/c/\xff\xfe/x",
        "/c/<click>",
        "/c/<click>/",
        "/c/<click>/https://evil.example/",
        "/c/<click>///evil.example/",
        "/o/<click>.gif",
        "/o/<open>/../x.gif",
    ],
)
def test_a_link_we_did_not_sign_leads_nowhere(path, own_spool):
    for purpose in (Purpose.CLICK, Purpose.OPEN):
        path = path.replace(f"<{purpose.name.lower()}>", recipient_token(purpose, **WHO))

    status, headers, body = ask(path)

    assert status == 404
    assert "Location" not in headers
    assert b"This link does not work" in body
    assert spooled(own_spool) == []


@pytest.mark.parametrize("path", [other_runs_link, pixel_token_as_click, swapped_halves, a_changed_character])
def test_signed_pieces_in_the_wrong_place_lead_nowhere(path, own_spool):
    status, headers, _ = ask(path())

    assert (status, headers.get("Location")) == (404, None)
    assert spooled(own_spool) == []


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example/",
        "/relative",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@example.com",
        "ftp://example.com/",
        "https:///nohost",
        "https:\\\\evil.example",
        "http://[broken/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\x00",
        "",
    ],
)
def test_even_a_signed_link_leads_only_to_a_web_page(url, own_spool):
    status, headers, _ = ask(click_path(url))

    assert (status, headers.get("Location")) == (404, None)
    assert spooled(own_spool) == []


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/ü", "https://example.com/%C3%BC"),
        ("HTTPS://Example.com/", "HTTPS://Example.com/"),
    ],
)
def test_a_location_is_ascii(url, location):
    _, headers, _ = ask(click_path(url))

    assert headers["Location"] == location


@given(st.text(max_size=60))
def test_no_path_breaks_the_endpoints(text):
    for prefix in ("/o/", "/c/", f"/c/{recipient_token(Purpose.CLICK, **WHO)}/"):
        path = prefix + text.encode("utf-8", "replace").decode("latin-1")  # as servers write PATH_INFO

        assert ask(path)[0] == 404


def test_everything_else_goes_to_django(own_spool):
    assert ask("/")[2] == ask("/u/token")[2] == ask("/open")[2] == b"django"


def test_a_pixel_that_cannot_be_kept_is_not_answered(own_spool):
    own_spool.parent.mkdir(exist_ok=True)
    own_spool.write_text("a file where the folder should be")

    status, headers, _ = ask(open_path())

    assert (status, headers["Retry-After"]) == (503, "60")


def test_a_click_that_cannot_be_kept_still_leads_on(own_spool, caplog):
    own_spool.parent.mkdir(exist_ok=True)
    own_spool.write_text("a file where the folder should be")

    status, headers, _ = ask(click_path())

    assert (status, headers["Location"]) == (302, STORY)
    assert "could not be kept" in caplog.text


def test_a_forgery_is_logged(caplog):
    ask("/o/forged.gif", REMOTE_ADDR="198.51.100.4")

    assert "Refused links: 1, the last from 198.51.100.4" in caplog.text


def test_no_query_is_made(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        assert ask(open_path())[0] == 200
        assert ask(click_path())[0] == 302


def test_the_web_application_has_the_endpoints_in_front():
    from config.wsgi import application

    assert ask(open_path(), application=application)[0] == 200

"""Answers as JSON, as XML, and in a function call; and the shapes of what is refused."""

import json
from xml.etree import ElementTree

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import OctethErrors
from api.octeth import envelope
from api.octeth.errors import Refused, Shape, Shapes, shaped
from api.octeth.parameters import Parameters

ask = RequestFactory()
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def written(body, **parameters):
    answer = envelope.response(ask.get("/api.php"), Parameters(parameters), body)
    return answer, b"".join(answer).decode()


def test_json_is_the_default_whatever_else_is_asked_for():
    for asked in ("", "JSON", "xml", "JSONCommand=X"):
        answer, text = written({"Success": True}, ResponseFormat=asked)
        assert answer["Content-Type"] == "application/json; charset=utf-8"
        assert json.loads(text) == {"Success": True}


def test_xml_is_written_as_the_documents_print_it():
    body = {"Success": False, "ErrorCode": 100003, "Errors": [{"Code": 100003}], "2025-06-15": {"Unique": 1}}
    answer, text = written(body, ResponseFormat="XML")

    assert answer["Content-Type"].startswith("text/xml")
    assert text == (
        '<?xml version="1.0" encoding="utf-8"?>\n<response><Success><![CDATA[false]]></Success>'
        "<ErrorCode><![CDATA[100003]]></ErrorCode><Errors><node_0><Code><![CDATA[100003]]></Code></node_0></Errors>"
        "<node_2025-06-15><Unique><![CDATA[1]]></Unique></node_2025-06-15></response>"
    )


@given(st.dictionaries(st.text(max_size=5), anything, max_size=4))
def test_whatever_is_answered_is_well_formed_xml(body):
    ElementTree.fromstring(envelope.as_xml(body))  # noqa: S314 - our own


def test_a_callback_is_called_only_if_it_is_a_name():
    assert written({"a": 1}, JSONPCallBack="oempro.done")[1] == 'oempro.done({"a":1});'
    assert written({"a": 1}, JSONPCallBack="alert(1)//")[1] == '{"a":1}'


def test_rows_that_come_one_by_one_are_streamed():
    answer, text = written({"Campaigns": iter([{"CampaignID": 1}, {"CampaignID": 2}]), "TotalCampaigns": 2})

    assert answer.streaming
    assert json.loads(text) == {"Campaigns": [{"CampaignID": 1}, {"CampaignID": 2}], "TotalCampaigns": 2}


REFUSAL = Refused(1, 2, texts=["One", "Two"], names=["campaigns", "tags"])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Shape.SCALAR, {"ErrorCode": 1}),
        (Shape.MESSAGE, {"ErrorCode": 1, "ErrorMessage": "One"}),
        (Shape.TEXT, {"ErrorCode": 1, "ErrorText": "One"}),
        (Shape.LIST, {"ErrorCode": [1, 2]}),
        (Shape.LIST_TEXTS, {"ErrorCode": [1, 2], "ErrorText": ["One", "Two"]}),
        (Shape.LIST_TEXT, {"ErrorCode": [1, 2], "ErrorText": "One"}),
        (Shape.NAMED, {"ErrorCode": {"campaigns": 1, "tags": 2}}),
        (Shape.BOTH, {"ErrorCode": 1, "Errors": [{"Code": 1, "Message": "One"}, {"Code": 2, "Message": "Two"}]}),
    ],
)
def test_a_refusal_takes_the_shape_of_its_command(shape, expected):
    assert shaped(REFUSAL, shape) == {"Success": False, **expected}


def test_a_native_command_says_only_its_errors():
    assert shaped(Refused(1, text="Missing"), Shape.ERRORS) == {"Errors": [{"Code": 1, "Message": "Missing"}]}


@pytest.mark.parametrize("code", [99998, 99999])
def test_who_may_not_is_told_in_one_number_whatever_the_shape(code):
    assert all(shaped(Refused(code, text="No"), shape)["ErrorCode"] == code for shape in Shape)


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (OctethErrors.CURRENT, Shape.LIST),
        (OctethErrors.OLD, Shape.NAMED),
        (OctethErrors.SCALAR, Shape.SCALAR),
        (OctethErrors.ARRAY, Shape.LIST),
    ],
)
def test_a_client_may_fix_the_shape(dialect, expected):
    assert Shapes(Shape.LIST, Shape.NAMED).for_dialect(dialect) is expected


def test_a_client_that_expects_lists_gets_them_from_commands_that_say_one_number():
    assert Shapes(Shape.SCALAR).for_dialect(OctethErrors.ARRAY) is Shape.LIST

"""Names in any case, PHP's brackets and JSON alike; the body wins, and the last of two equal names."""

import json
from urllib.parse import quote

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from api.octeth import parameters
from api.octeth.parameters import MalformedBody, Parameters, as_day, parsed_text

ask = RequestFactory()
FORM = "application/x-www-form-urlencoded"


def sent(query="", body="", kind=FORM):
    return parameters.read(ask.post(f"/api.php?{query}", body, content_type=kind))


def test_names_are_found_in_any_case_at_any_depth():
    given = sent(body="CAMPAIGNID=7&Fields[CustomField28]=red")

    assert given.id("CampaignID") == 7
    assert given.tree("fields") == {"customfield28": "red"}


def test_the_body_wins_over_the_query_string_and_the_last_name_over_the_first():
    assert sent("Command=a&X=1", "command=b").text("Command") == "b"
    assert sent("ResponseFormat=JSONCommand=X&ResponseFormat=JSON").text("ResponseFormat") == "JSON"
    assert sent("ApiKey=a&APIKey=b").text("apikey") == "b"


def test_a_body_that_begins_like_json_is_json_whatever_it_says_it_is():
    assert sent(body='{"Command": "tags.get", "TagID": 5}').id("TagID") == 5


def test_brackets_json_and_json_as_text_make_the_same_tree():
    expected = [{"emailid": "301", "weight": "1"}, {"emailid": "302", "weight": "2"}]
    brackets = "&".join(
        f"ABTesting%5BVariations%5D[{at}][{name}]={value}"
        for at, row in enumerate([{"EmailID": 301, "Weight": 1}, {"EmailID": 302, "Weight": 2}])
        for name, value in row.items()
    )
    variations = [{"EmailID": "301", "Weight": "1"}, {"EmailID": "302", "Weight": "2"}]
    as_json = json.dumps({"ABTesting": {"Variations": variations}})
    as_text = "ABTesting=" + quote(json.dumps({"variations": variations}))

    for each in (sent(body=brackets), sent(body=as_json, kind="application/json"), sent(body=as_text)):
        assert list(parameters.values(each.tree("ABTesting")["variations"])) == expected


def test_empty_brackets_append():
    assert sent(body="Scope[]=User&Scope[]=OptLinks").words("Scope") == ["User", "OptLinks"]


def test_zero_is_a_value_and_nothing_is_none():
    given = Parameters({"Hour": "0", "Name": "", "Number": 0, "Flag": False})

    assert all(given.given(name) for name in ("Hour", "Number", "Flag"))
    assert not given.given("Name")
    assert "Name" in given


@pytest.mark.parametrize("word", ["true", "1", 1, True, "YES", "on"])
def test_what_is_true(word):
    assert Parameters({"x": word}).flag("X")


@pytest.mark.parametrize("word", ["false", "0", 0, False, "", "no", None, [1]])
def test_whatever_else_is_false(word):
    assert not Parameters({"x": word}).flag("X", default=True)


@pytest.mark.parametrize("word", ["12abc", "-1", "1.5", "", "\uff19", "9" * 19, None, [], True])
def test_what_is_no_number_of_a_row(word):
    assert Parameters({"x": word}).id("x") is None


def test_numbers_parted_by_commas_and_in_lists_are_the_same():
    assert Parameters({"x": "3, 1,,x,3"}).ids("x") == Parameters({"x": [3, "1"]}).ids("x") == [3, 1]


def test_text_that_is_json_keeps_the_case_of_its_names():
    given = Parameters({"RulesJson": '[[{"Type":"fields"}]]', "Other": [{"Type": 1}]})

    assert given.as_json_text("rulesjson") == '[[{"Type":"fields"}]]'
    assert json.loads(given.as_json_text("other")) == [{"Type": 1}]
    assert given.tree("RulesJson") == [[{"type": "fields"}]]


@pytest.mark.parametrize(
    "body",
    ['{"a":', "[1]", '"x"', '{"a": NaN}', '{"a": "\\ud800"}', '{"a": "\\u0000"}', "[" * 100_000, '{"a":' * 5000],
)
def test_a_broken_body_is_refused(body):
    with pytest.raises(MalformedBody):
        sent(body=body, kind="application/json")


def test_a_list_in_brackets_too_deep_to_nest_is_a_plain_name():
    name = "a" + "[x]" * 50

    assert sent(body=f"{name}=1").text(name) == "1"


@given(st.binary(max_size=200), st.sampled_from([FORM, "application/json", "text/plain", "multipart/form-data"]))
def test_whatever_is_sent_is_read_or_refused(body, kind):
    try:
        given = parameters.read(ask.generic("POST", "/api.php", body, content_type=kind))
    except MalformedBody:
        return
    for name in given.names():
        given.text(name), given.ids(name), given.words(name), given.flag(name), given.tree(name)


@pytest.mark.parametrize("body", ['{"a": 1e400}', '{"a": {"b": [-1e999]}}', '{"a": Infinity}'])
def test_a_number_that_no_database_keeps_is_no_json(body):
    assert parsed_text(body) is None


@pytest.mark.parametrize("written", ["", "0000-00-00", "0001-01-01", "9999-12-31", "2025-W01-1", "20250615", "x"])
def test_what_is_no_day_on_every_zones_clock_is_none(written):
    assert as_day(written) is None

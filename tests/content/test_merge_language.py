"""The language itself; its reference, docs/merge-language.md, has its examples tested in test_merge_reference."""

import datetime
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.errors import BrokenTemplate
from content.merge import trial
from content.merge.bodies import SlotBody, body_of, program_body
from content.merge.engine import escaped
from content.merge.filters import FILTERS, TooLarge
from content.merge.parsing import parse
from content.merge.scanner import Block, Literal, Value, scan
from content.merge.values import MAX_VALUE_LENGTH, context_of, plain

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.dates(),
    st.lists(st.text(max_size=5), max_size=4),
)
arguments = ["", "()", "('x')", "(3)", "(-1)", "(2, '…')", "('a', 'b')", "(none)", "(true)", "(1.5)"]


def result(source, **person):
    parsed = parse(source)
    return body_of(parsed.segments).render(context_of(person, parsed.fields))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ name }}!", "Hi Zoë!"),
        ("{{name|upper}} {{ name | lower }}", "ZOË zoë"),
        ("{{ nothing }}{{ blank }}", ""),
        ("{{ nothing|default('you') }} {{ blank|d('there') }} {{ zero|default('none') }}", "you there 0"),
        ("{% if vip %}a{% elif zero %}b{% else %}c{% endif %}", "a"),
        ("{% if nothing %}a{% else %}b{% endif %}{% if blank is defined %}a{% else %}b{% endif %}", "bb"),
        ("{% for x in colours %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "1red, 2blue"),
        ("{% for x in nothing %}x{% else %}none{% endfor %}", "none"),
        ("{{ colours }} {{ colours|join(' & ') }} {{ colours|first }}", "red, blue red & blue red"),
        ("{% for x in 'a, b,,c'|split %}[{{ x }}]{% endfor %}", "[a][b][c]"),
        ("{{ points + 1 }} {{ points / 2 }} {{ points > 10 and vip }}", "16 7.5 yes"),
        ("{{ 'yes' if points >= 15 else 'no' }} {{ name ~ points }}", "yes Zoë15"),
        ("{{ vip }} {{ price }} {{ whole }}", "yes 1234.5 5"),
        ("{{ price|number(2) }} {{ price|number(2, '.', ',') }} {{ 'x'|number }}", "1,234.50 1.234,50 x"),
        ("{{ 2.5|round }} {{ price|round(-3) }} {{ '7'|int + 1 }}", "3 1235 8"),
        ("{{ born|date }} {{ born|date('%d.%m.%y %q') }} {{ name|date }}", "7 March 1990 07.03.90 %q Zoë"),
        ("{{ story|truncate(12) }} {{ story|truncate(8, end='') }}", "Once upon a… Once"),
        ("{{ \"o'neil mc-donald\"|title }} {{ 'aBC'|capitalize }}", "O'neil Mc-Donald Abc"),
        ("{{ 'a&b c'|urlencode }} {{ 'banana'|replace('an', 'AN') }}", "a%26b%20c bANANa"),
        ("{{ name|length }} {{ colours|length }} {{ ' x '|trim }} {{ -3|abs }}", "3 2 x 3"),
        ("{# nothing #}a {#- b -#} c", "ac"),
        ("a {%- if vip -%} b {%- endif %} c", "ab c"),
        ("{% raw %}{{ name }}{% endraw %} {{ '{{' }}", "{{ name }} {{"),
        ("@media print{#menu{display:none}} {{ name }}", "@media print{#menu{display:none}} Zoë"),
        ("{{ '}}' }}{{ \"%}\" }}", "}}%}"),
        ("{{ range(3)|join('-') }} {{ range(1, 4)|last }}", "0-1-2 3"),
        ("{{ namespace }}{{ dict }}{{ debug }}", ""),
    ],
)
def test_the_language_says(source, text):
    person = {
        "name": "Zoë",
        "blank": " \n",
        "zero": 0,
        "vip": True,
        "colours": ["red", "blue"],
        "points": 15,
        "price": 1234.5,
        "whole": 5.0,
        "born": "1990-03-07",
        "story": "Once upon a time",
    }

    assert result(source, **person) == text


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a\n{{ name", 2, "never closed with }}"),
        ("a\n{% if x", 2, "never closed with %}"),
        ("{{ 'name }}", 1, "quotation mark"),
        ("{{ “name” }}", 1, "straight quotation marks"),
        ("{{ name? }}", 1, "character ?"),
        ("{{ }}", 1, "empty"),
        ("\n\n{{ a b }}", 3, "cannot be understood"),
        ("{{ name|uper }}", 1, "Did you mean upper?"),
        ("{{ name is definde }}", 1, "Did you mean defined?"),
        ("{{ name.upper() }}", 1, "Fields have no parts"),
        ("{{ name['__class__'] }}{{ __class__ }}", 1, "underscore"),
        ("{{ debug() }}", 1, "cannot be called"),
        ("{{ (name)() }}", 1, "in parentheses"),
        ("{{ 'a' * 1000 }}", 1, "no multiplication"),
        ("{{ 10 ** 9 }}", 1, "no multiplication"),
        ("{{ [[1], 2] }}", 1, "cannot hold lists"),
        ("{{ (1, 2) }}", 1, "with [ and ]"),
        ("{{ name|upper(3) }}", 1, "cannot be used like this"),
        ("{{ name|truncate(size=3) }}", 1, "cannot be used like this"),
        ("\n{% set x = 1 %}", 2, "There is no {% set %}"),
        ("{% macro x() %}{% endmacro %}", 1, "There is no {% macro %}"),
        ("{% include 'x' %}", 1, "There is no {% include %}"),
        ("{% autoescape false %}{% endautoescape %}", 1, "There is no {% autoescape %}"),
        ("{% if a %}\n{% for x in a %}", 2, "{% for %} is never closed with {% endfor %}"),
        ("{% if a %}\n{% endfor %}", 2, "{% endfor %} stands inside {% if %} of line 1"),
        ("{% endif %}", 1, "without a beginning"),
        ("{% else %}", 1, "without a beginning"),
        ("{% for x in a %}{% elif b %}{% endfor %}", 1, "{% elif %} stands inside {% for %}"),
        ("{% for x in a recursive %}{% endfor %}", 1, "recursive"),
        ("{% for x in [a ~ a] %}{% endfor %}", 1, "~ cannot stand in it"),
        ("{% for a in x %}{% for b in x %}{% for c in x %}", 1, "At most 2 loops"),
        ("{% if a %}" * 51, 1, "At most 50 blocks"),
        ("{% if a %}" + "{% elif b %}" * 50_000 + "{% endif %}", 1, "{% elif %}"),
        ("{{ " + "(" * 400 + "1" + ")" * 400 + " }}", 1, "cannot be understood"),
        ("{{ " + "a~" * 600 + "a }}", 1, "at most 1,000 characters"),
        ("{% for x in a %}" + "x" * 10_001 + "{% endfor %}", None, "Loops hold"),
        ("{% raw %}", 1, "endraw"),
        ("x" * 1_000_001, None, "too long"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_line(source, line, message):
    with pytest.raises(BrokenTemplate) as problem:
        body_of(parse(source, part="text").segments)

    assert message in problem.value.message
    assert problem.value.line == line


def test_visual_editors_may_write_entities_in_tags():
    (value,) = scan("{{&nbsp;name|default(&quot;a&quot;) }}", markup=True)

    assert value == Value('name|default("a")', 1)


def test_the_scanner_knows_the_line_of_every_segment():
    assert scan("a\n{{ b }}\n{% if c %}\nd{% endif %}") == [
        Literal("a\n", 1),
        Value("b", 2),
        Literal("\n", 2),
        Block("if c", 3),
        Literal("\nd", 3),
        Block("endif", 4),
    ]


def test_fields_are_what_comes_from_a_person_with_the_line_of_their_first_use():
    parsed = parse(
        "{{ a|default(b) }}\n{% for x in c %}{{ x }}{{ loop.index }}{{ d }}{% endfor %}{{ range(3) }}{{ a }}"
    )

    assert parsed.fields == {"a": 1, "b": 1, "c": 2, "d": 2}


@pytest.mark.parametrize("value", [None, "", " \n\t", [], ()])
def test_what_is_blank_is_no_value(value):
    assert context_of({"field": value}, ["field", "missing"]) == {}


def test_values_are_plain_and_of_a_sane_size():
    assert plain(Decimal("1.50")) == "1.50"
    assert plain(datetime.date(2026, 3, 7)) == "2026-03-07"
    assert plain("a\r\nb\rc\x00\x1b\ud800") == "a\nb\nc"
    assert len(plain("x" * 50_000)) == MAX_VALUE_LENGTH
    assert len(plain(["x"] * 5000)) == 100
    assert plain({"a": object}) == str({"a": object})


def test_a_large_whole_float_is_written_alike_by_slot_and_program():
    source, context = "<{{ field|number }}>", {"field": 37421329074417832.0}

    written = [made(parse(source).segments, escape=escaped).render(context) for made in (body_of, program_body)]
    assert written == ["<37,421,329,074,417,832>"] * 2


@given(data=st.data(), value=scalars)
def test_a_slot_says_what_a_program_says(data, value):
    filters = data.draw(st.lists(st.tuples(st.sampled_from(sorted(FILTERS)), st.sampled_from(arguments)), max_size=3))
    source = "<{{ field" + "".join(f"|{name}{given}" for name, given in filters) + " }}>"
    try:
        slots = body_of(parse(source).segments, escape=escaped)
    except BrokenTemplate:  # arguments that a filter does not take
        return
    program = program_body(parse(source).segments, escape=escaped)
    context = context_of({"field": value}, ["field"])

    assert isinstance(slots, SlotBody)
    assert slots.render(context) == program.render(context)


@given(value=scalars, name=st.sampled_from(sorted(FILTERS)))
def test_no_value_makes_a_filter_fail(value, name):
    given = ("x", "y") if name == "replace" else ()

    FILTERS[name](plain(value), *given)


@given(text=st.text(alphabet="{}%#'\"ab \n-<>|", max_size=60))
def test_any_source_is_rendered_or_refused(text):
    with suppress(BrokenTemplate):
        assert body_of(parse(text).segments).render({}) is not None


@pytest.mark.parametrize(
    "source",
    ["{{ a|replace('a', a) }}", "{{ [a, a, a]|join }}", "{{ a|urlencode }}"],
    ids=["replace", "join", "encode"],
)
def test_a_filter_does_not_make_endless_text(source):
    person = {"a": "äa" * 5000}

    with pytest.raises(BrokenTemplate, match="20000"):
        result(source, **person)
    with pytest.raises(TooLarge):
        FILTERS["replace"]("a" * 1000, "a", "b" * 1000)


def test_a_trial_passes_what_works_for_everybody():
    outcome = trial.tried(
        "{% if points|default(0) > 3 %}{{ points }}{% endif %}{% for x in a|split %}{{ x }}{% endfor %}"
    )

    assert outcome == trial.Outcome()


def test_a_trial_tells_what_fails_for_people_without_values():
    outcome = trial.tried("a\n{% if points + 1 > 3 %}x{% endif %}")

    assert "default" in outcome.fails_without_values
    assert (outcome.broken, outcome.line) == ("", 2)


def test_a_trial_tells_what_fails_for_everybody():
    outcome = trial.tried("{% if true %}\n{{ [1] + 'x' }}{% endif %}")

    assert outcome.broken
    assert outcome.line == 2


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(1000) %}{% for j in range(1000) %}x{% endfor %}{% endfor %}",
        "{% for i in range(1000) %}" + "x" * 9000 + "{% endfor %}",
    ],
    ids=["steps", "length"],
)
def test_a_trial_refuses_what_is_too_much(source):
    assert trial.tried(source).broken


def test_a_template_that_eats_all_memory_dies_in_the_trial_and_nowhere_else(monkeypatch):
    monkeypatch.setattr(trial, "MEMORY_BYTES", 128 * 1024 * 1024)
    hungry = "{% for i in range(1000) %}{{ a" + "~a" * 450 + " }}{% endfor %}"

    assert trial.tried(hungry) == trial.TOO_MUCH

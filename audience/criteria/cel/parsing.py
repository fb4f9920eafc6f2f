"""From an expression to the tree: a parser by recursive descent, which knows what can be compared with what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from audience.addresses import shown
from audience.criteria.cel.comparing import compared, contained
from audience.criteria.cel.errors import InvalidExpression
from audience.criteria.cel.tokens import Token, tokens
from audience.criteria.cel.values import (
    KEY,
    LARGEST,
    MOMENTS,
    SEVERAL,
    TEXTS,
    Field,
    Literal,
    Moment,
    Now,
    Several,
    Span,
    moment,
    span,
)
from audience.criteria.scope import Scope
from audience.criteria.tree import EVERYONE, Condition, Group, Json, Match, Scalar, check_size
from audience.criteria.vocabulary import Vocabulary
from audience.errors import InvalidRules, Unanswerable

Node = Condition | Group
Part = Node | Literal | Several | Field | Moment | Span | Now
Rule = Callable[[], Part]
DEEPEST = 30  # parentheses and negations inside each other
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_METHODS = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}
_DEEDS = {"opened": "campaign.opened", "clicked": "campaign.clicked"}
_TRUE = Condition("everybody", "because", "true")


def parse(expression: str, scope: Scope | None = None) -> Group:
    """The tree of an expression; '' means everybody. Raises InvalidExpression.

    With a scope, whatever its fields, lists and campaigns cannot be asked is refused as well.
    """
    if not expression.strip():
        return EVERYONE
    return _Parser(expression, Vocabulary(scope) if scope else None).tree()


class _Parser:
    def __init__(self, expression: str, vocabulary: Vocabulary | None) -> None:
        self._tokens = list(tokens(expression))
        self._vocabulary = vocabulary
        self._at = 0
        self._depth = 0

    # --- tokens --------------------------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _taken(self, *signs: str) -> Token | None:
        return self._take() if self._next.is_sign(*signs) else None

    def _expect(self, sign: str) -> None:
        if not self._taken(sign):
            raise self._unexpected(f"expected {sign}")

    def _unexpected(self, instead: str) -> InvalidExpression:
        token = self._next
        found = "the condition ends" if token.kind == "end" else f"{shown(token.text)} stands"
        return InvalidExpression(f"Here {found}, but {instead}.", token.position)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidExpression(f"Conditions are nested at most {DEEPEST} deep.", self._next.position)
        yield
        self._depth -= 1

    # --- and, or, not --------------------------------------------------------------------------------------------

    def tree(self) -> Group:
        node = self._node(self._either)
        if self._next.kind != "end":
            raise self._unexpected("expected && or || or nothing more")
        tree = node if isinstance(node, Group) else Group(Match.ALL, (node,))
        try:
            check_size(tree)
        except InvalidRules as error:
            raise InvalidExpression(str(error), 0) from error
        return tree

    def _either(self) -> Part:
        return self._chain("||", Match.ANY, self._both)

    def _both(self) -> Part:
        return self._chain("&&", Match.ALL, self._comparison)

    def _chain(self, sign: str, match: Match, below: Rule) -> Part:
        position, first = self._next.position, below()
        if not self._next.is_sign(sign):
            return first
        rules = [self._as_node(first, position)]
        while self._taken(sign):
            rules.append(self._node(below))
        return Group(match, tuple(rules))

    def _node(self, below: Rule) -> Node:
        position = self._next.position
        return self._as_node(below(), position)

    def _as_node(self, part: Part, position: int) -> Node:
        if isinstance(part, Condition | Group):
            return part
        if isinstance(part, Literal) and isinstance(part.value, bool):
            return _TRUE if part.value else Group(Match.NOT, (_TRUE,))
        if isinstance(part, Field) and part.is_custom:
            return self._checked(Condition(part.name, "is", True), position)
        raise InvalidExpression("This says neither yes nor no; compare it with something.", position)

    # --- comparisons ---------------------------------------------------------------------------------------------

    def _comparison(self) -> Part:
        position, left = self._next.position, self._sum()
        if self._next.is_sign(*_COMPARISONS):
            return self._compared(left, self._take(), position)
        if self._next.is_name("in"):
            token = self._take()
            node = contained(left, self._sum(), token.position)
            return self._checked(node, position)
        return left

    def _compared(self, left: Part, sign: Token, position: int) -> Node:
        right, operator = self._sum(), sign.text
        if isinstance(right, Field) and not isinstance(left, Field):
            left, right, operator = right, left, _TURNED.get(operator, operator)
        return self._checked(compared(left, operator, right, sign.position), position)

    def _sum(self) -> Part:
        left = self._unary()
        sign = self._taken("-", "+")
        if sign is None:
            return left
        right = self._unary()
        if isinstance(left, Now) and left.ago is None and isinstance(right, Span) and sign.text == "-":
            return Now(right)
        raise InvalidExpression('Only now - duration("…") can be reckoned with.', sign.position)

    def _unary(self) -> Part:
        if self._taken("!"):
            with self._deeper():
                return _opposite(self._node(self._unary))
        if sign := self._taken("-"):
            with self._deeper():
                number = self._unary()
            if isinstance(number, Literal) and isinstance(number.value, int | float):
                return Literal(-number.value)
            raise InvalidExpression("A minus stands before a number.", sign.position)
        with self._deeper():
            return self._primary()

    # --- what is compared ----------------------------------------------------------------------------------------

    def _primary(self) -> Part:
        token = self._next
        if token.kind in ("text", "number"):
            self._take()
            return Literal(token.text if token.kind == "text" else _number(token))
        if self._taken("("):
            inside = self._either()
            self._expect(")")
            return inside
        if self._taken("["):
            return Several(tuple(self._values("]")))
        if token.kind != "name":
            raise self._unexpected("expected user., a text, a number, or a parenthesis")
        return self._named(self._take())

    def _named(self, token: Token) -> Part:
        match token.text:
            case "true" | "false":
                return Literal(token.text == "true")
            case "null":
                return Literal(None)
            case "now":
                return Now()
            case "timestamp" | "duration":
                return self._time(token)
            case "has":
                return self._has(token)
            case "user":
                return self._of_user(token)
        raise InvalidExpression(f"There is nothing called {shown(token.text)} here.", token.position)

    def _time(self, token: Token) -> Moment | Span:
        self._expect("(")
        text, values = self._next, list(self._values(")"))
        form = "2026-03-31T09:00:00Z" if token.text == "timestamp" else "720h"
        try:
            (value,) = values
            if isinstance(value, str):
                return moment(value) if token.text == "timestamp" else span(value)
        except ValueError:
            pass
        raise InvalidExpression(f'Write it as {token.text}("{form}").', text.position)

    def _has(self, token: Token) -> Node:
        self._expect("(")
        part = self._unary()
        self._expect(")")
        if not isinstance(part, Field):
            raise InvalidExpression("has() is asked of a field, such as has(user.phone).", token.position)
        return self._checked(Condition(part.name, "is_not_empty"), token.position)

    def _values(self, end: str) -> Iterator[Scalar]:
        """Literals up to the end, with commas between them."""
        if self._taken(end):
            return
        while True:
            position, part = self._next.position, self._unary()
            if not isinstance(part, Literal):
                raise InvalidExpression("Only texts and numbers can stand here.", position)
            yield part.value
            if self._taken(end):
                return
            self._expect(",")

    # --- user ----------------------------------------------------------------------------------------------------

    def _of_user(self, token: Token) -> Part:
        name = self._member("user")
        if self._next.is_sign("("):
            return self._asked(name)
        if name.text == "fields":
            field = self._custom_field()
        elif name.text in TEXTS | SEVERAL | MOMENTS.keys():
            field = Field(MOMENTS.get(name.text, name.text))
        else:
            known = ", ".join(sorted(TEXTS | SEVERAL | MOMENTS.keys() | {"fields"}))
            raise InvalidExpression(f"A user has {known}, but no {shown(name.text)}.", name.position)
        return self._method(field) if self._next.is_sign(".") else field

    def _member(self, of: str) -> Token:
        self._expect(".")
        if self._next.kind != "name":
            raise self._unexpected(f"expected something of {of}")
        return self._take()

    def _custom_field(self) -> Field:
        if self._taken("["):
            token = self._take()
            self._expect("]")
        else:
            token = self._member("user.fields")
        if not KEY.fullmatch(token.text):
            raise InvalidExpression(f"{shown(token.text)} is not the key of a field.", token.position)
        return Field(f"fields.{token.text}")

    def _method(self, field: Field) -> Node:
        name = self._member("a text")
        if name.text not in _METHODS:
            raise InvalidExpression(f"A text has {', '.join(_METHODS)}, but no {shown(name.text)}.", name.position)
        argument = self._argument(name)
        if not isinstance(argument, str) or not argument:
            raise InvalidExpression(f'Say what: {name.text}("…").', name.position)
        return self._checked(Condition(field.name, _METHODS[name.text], argument), name.position)

    def _asked(self, name: Token) -> Node:
        argument = self._argument(name, optional=name.text in _DEEDS)
        if name.text in _DEEDS and (argument is None or isinstance(argument, int | str)):
            value: Json = None if argument is None else {"campaigns": [argument]}
            return self._checked(Condition(_DEEDS[name.text], "did", value), name.position)
        if name.text == "in_list" and isinstance(argument, str):
            return self._checked(Condition(f"list.{argument}", "is_not_empty"), name.position)
        if name.text == "in_segment" and isinstance(argument, str):
            return self._checked(Condition(f"segment.{argument}", "is", True), name.position)
        raise InvalidExpression(
            'A user can be asked opened("…"), clicked("…"), in_list("…") and in_segment("…").', name.position
        )

    def _argument(self, name: Token, *, optional: bool = False) -> Scalar:
        self._expect("(")
        values = list(self._values(")"))
        if len(values) == 1 and not isinstance(values[0], bool) and values[0] is not None:
            return values[0]
        if not values and optional:
            return None
        raise InvalidExpression(f"{name.text} takes one text.", name.position)

    # --- what there is -------------------------------------------------------------------------------------------

    def _checked(self, node: Node, position: int) -> Node:
        """Raises InvalidExpression where there is nothing of this name, or it cannot be asked this."""
        if self._vocabulary is not None and isinstance(node, Condition):
            try:
                self._vocabulary.subject(node.field).condition(node.operator, node.value)
            except Unanswerable:
                pass
            except InvalidRules as error:
                raise InvalidExpression(str(error), position) from error
        return node


def _opposite(node: Node) -> Group:
    """Of `a || b`, that neither holds, which is one group rather than two."""
    return Group(Match.NOT, node.rules if isinstance(node, Group) and node.match == Match.ANY else (node,))


def _number(token: Token) -> int | float:
    number = float(token.text)
    if not abs(number) <= LARGEST:
        raise InvalidExpression("This number is too large.", token.position)
    return int(token.text) if token.text.isdigit() else number

"""What is wrong with an expression, and where."""

from audience.errors import InvalidRules


class InvalidExpression(InvalidRules):
    """`position` counts characters from 0; the text counts from 1, as people do."""

    code = "invalid_expression"

    def __init__(self, problem: str, position: int) -> None:
        self.problem, self.position = problem, position
        super().__init__(f"At character {position + 1}: {problem}")

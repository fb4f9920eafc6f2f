"""How many examples a property is tried on: all that its test asks for in CI, a third of them at a desk."""

import os


def examples(number: int) -> int:
    return number if os.environ.get("CI") else max(5, number // 3)

"""docs/audience.md says what the code does."""

import pytest
from django.conf import settings

from audience.criteria.operators import OPERATORS
from audience.fields import BUILT_IN
from audience.selection import SKIP_REASONS


@pytest.mark.parametrize("word", [*SKIP_REASONS, *OPERATORS, *sorted(BUILT_IN)])
def test_every_skip_reason_and_operator_is_explained(word):
    text = (settings.BASE_DIR / "docs" / "audience.md").read_text(encoding="utf-8")

    assert word in text

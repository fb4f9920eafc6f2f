"""All filters there are: those that authors write in our own language, and those that other languages come down to."""

from collections.abc import Callable
from typing import Any

from content.merge.filters import FILTERS
from content.merge.vendor_filters import VENDOR_FILTERS

ALL_FILTERS: dict[str, Callable[..., Any]] = FILTERS | VENDOR_FILTERS

"""Tries logic out before it may be sent, in a process of its own that may die of it.

The engine counts steps but not memory, so a template that runs away must not do so in the web server or in a worker.
`tried` starts a child with little memory and little time (about 0.1 s, remembered per source), and tells what happened.

Each source is rendered three times: for a person with no values, with long texts, and with large numbers.
"""

import json
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from content.errors import BrokenTemplate
from content.merge.engine import Program
from content.merge.languages import Fields, parsed_part
from content.merge.parsing import Parsed, program_source
from content.merge.values import MAX_VALUE_LENGTH, context_of

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 2
WALL_SECONDS = 30
STOPPED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SAMPLES: dict[str, Any] = {"nothing": None, "texts": "word, " * (MAX_VALUE_LENGTH // 6), "numbers": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`broken`: it fails whatever the values. `fails_without_values`: only for people who have none of the fields.
    Both are messages, empty when all is well; `line` belongs to whichever is set."""

    broken: str = ""
    fails_without_values: str = ""
    line: int | None = None


TOO_MUCH = Outcome(broken="The logic needs more memory or time than a message may; make loops and texts shorter.")


@lru_cache(maxsize=64)
def tried(source: str, *, markup: bool = False, language: str = "", fields: Fields = ()) -> Outcome:
    """What becomes of a source that its language accepts. Raises OSError if the process cannot be started or is stopped
    from outside: nothing is known then."""
    parsed = _parsed(source, markup, language, fields)
    if not parsed.has_logic:
        return Outcome()
    order = json.dumps(
        {"source": source, "markup": markup, "language": language, "fields": fields, "memory": MEMORY_BYTES}
    ).encode()
    child = _in_child(order)
    if -child.returncode in STOPPED:
        raise OSError("The trial was stopped.")
    return _judged(json.loads(child.stdout)) if child.returncode == 0 else TOO_MUCH


def _parsed(source: str, markup: bool, language: str, fields: Fields) -> Parsed:
    return parsed_part(source, language=language, part="html" if markup else "text", fields=fields)


def _in_child(order: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [sys.executable, "-m", "content.merge.trial"],
            cwd=Path(__file__).parents[2],
            input=order,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:  # its CPU time is limited to less: the machine has none to give
        raise OSError("The trial got no time to run.") from problem


def _judged(failures: dict[str, list[Any]]) -> Outcome:
    if failures.keys() == SAMPLES.keys():
        message, line = failures["texts"]
        return Outcome(broken=message, line=line)
    if "nothing" in failures:
        message, line = failures["nothing"]
        return Outcome(fails_without_values=message, line=line)
    return Outcome()


def _try_out(parsed: Parsed) -> dict[str, list[Any]]:
    """Message and line of each sample for which the logic fails."""
    program = Program(program_source(parsed.segments))
    failures: dict[str, list[Any]] = {}
    for name, value in SAMPLES.items():
        try:
            program.render(context_of(dict.fromkeys(parsed.fields, value), parsed.fields))
        except BrokenTemplate as problem:
            failures[name] = [problem.message, problem.line]
    return failures


def _limit_itself(memory: int) -> None:
    with suppress(ValueError, OSError):  # where an operating system has no such limit, the time limit is left
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    order = json.load(sys.stdin)
    _limit_itself(order["memory"])
    sys.stdout.write(
        json.dumps(_try_out(_parsed(order["source"], order["markup"], order["language"], order["fields"])))
    )

"""The commands there are: each with its name, who may use it, and how it says that it cannot be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from accounts.actors import Actor
from accounts.models import Organization
from api.octeth.callers import Caller
from api.octeth.errors import Refused, Shape, Shapes
from api.octeth.parameters import Parameters


class Access(Enum):
    """Whose credential a command takes."""

    PUBLIC = auto()  # none; one that is sent is looked at, and never refused
    USER = auto()
    ADMIN = auto()
    EITHER = auto()  # a person's or an administrator's


@dataclass(frozen=True)
class Call:
    """One command somebody sent."""

    command: "Command"
    parameters: Parameters
    request: HttpRequest
    caller: Caller | None = None
    is_v1: bool = False

    @property
    def who(self) -> Caller:
        """The caller of a command that is not public."""
        if self.caller is None:
            raise RuntimeError(f"{self.command.name} is public and has no caller")
        return self.caller

    @property
    def by(self) -> Actor:
        return self.who.actor

    @property
    def organization(self) -> Organization:
        return self.who.organization

    def require(self, *names: str, texts: Mapping[str, str] | None = None, codes: Mapping[str, int]) -> None:
        """Raises Refused with the codes of all these parameters that were not given."""
        missing = [name for name in names if not self.parameters.word(name) and not self._is_tree(name)]
        if missing:
            raise Refused(
                *[codes[name] for name in missing],
                texts=[(texts or {}).get(name, f"Required parameter '{name.lower()}' is missing.") for name in missing],
                names=[name.lower() for name in missing],
            )

    def _is_tree(self, name: str) -> bool:
        return isinstance(self.parameters.original(name), list | dict) and self.parameters.given(name)


Answer = Mapping[str, Any] | HttpResponseBase
Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds for each credential, shared by the commands of one group."""

    requests: int
    seconds: int = 60
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """`permission` is a name of `permissions.PERMISSIONS`; `writes` puts the handler into a transaction."""

    name: str
    handler: Handler
    access: Access = Access.USER
    permission: str = ""
    shapes: Shapes
    writes: bool = False
    limit: Limit | None = None
    is_native: bool = False  # of /api/v1: speaks HTTP statuses there, and says nothing of Success


COMMANDS: dict[str, Command] = {}
ROUTES: dict[tuple[str, str], str] = {}  # (HTTP method, path) of /api/v1 where the verb picks the command

ADMINISTRATORS = Limit(100, 60, "admin")


def command(
    name: str,
    *,
    access: Access = Access.USER,
    permission: str = "",
    shape: Shape = Shape.SCALAR,
    old: Shape | None = None,
    writes: bool = False,
    limit: Limit | None = None,
    is_native: bool = False,
    aliases: tuple[str, ...] = (),
    routes: tuple[tuple[str, str], ...] = (),
) -> Callable[[Handler], Handler]:
    """Register a handler. `old`: the shape of its failures in 5.6, where that is another one."""

    def register(handler: Handler) -> Handler:
        for spelled in (name, *aliases):
            if spelled in COMMANDS:
                raise ValueError(f"{spelled} is there already")
            COMMANDS[spelled] = Command(
                name=name,
                handler=handler,
                access=access,
                permission=permission,
                shapes=Shapes(shape, old),
                writes=writes,
                limit=limit,
                is_native=is_native,
            )
        for route in routes:
            ROUTES[route] = name
        return handler

    return register


def load() -> None:
    """Every module of `api.octeth.commands` registers its commands when it is imported."""
    package = import_module("api.octeth.commands")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")

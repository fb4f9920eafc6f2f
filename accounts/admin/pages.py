"""Pages of our own inside the admin: they look native and know who is at the desk."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

Crumb = tuple[str, str]  # name, address; the page itself has none
LARGEST_KEY = 2**63 - 1


def page(
    request: HttpRequest, template: str, *, title: str, crumbs: Sequence[Crumb] = (), status: int = 200, **context: Any
) -> TemplateResponse:
    """A page in the theme, with `crumbs` leading to it; only its body where a script wants it for a dialog.

    The template extends `base_template` and fills its block `body`.
    """
    request.current_app = admin.site.name
    in_dialog = "X-Dialog" in request.headers
    shared = {"base_template": f"admin/parts/{'dialog' if in_dialog else 'page'}.html", "in_dialog": in_dialog}
    shared |= admin.site.each_context(request) if not in_dialog else {}
    return TemplateResponse(
        request, template, {**shared, "title": title, "crumbs": [*crumbs, (title, "")], **context}, status=status
    )


def fragment(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> TemplateResponse:
    """A part of a page, fetched by a script."""
    return TemplateResponse(request, template, context, status=status)


def to(name: str, *args: Any) -> str:
    """The address of an admin page."""
    return reverse(f"admin:{name}", args=args)


def next_address(request: HttpRequest, otherwise: str) -> str:
    """Where the reader came from, if that is on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else otherwise


def tell_all(request: HttpRequest, found: Iterable[str], level: int = messages.ERROR) -> None:
    for message in found:
        messages.add_message(request, level, message)


# Attributes of a select that `static/broadsheet/picker.js` makes searchable where it has many options.
PICK_LIST = {"data-one": "list", "data-all": "lists"}

_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.HiddenInput, ""),
    (forms.CheckboxSelectMultiple, "bs-check"),
    (forms.RadioSelect, "bs-check"),
    (forms.CheckboxInput, "bs-check"),
    (forms.Textarea, "bs-textarea"),
    (forms.Select, "bs-select"),
    (forms.Widget, "bs-input"),
)


class DeskForm(forms.Form):
    """A form of our own pages: its fields carry the classes of the style sheet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)


def dress(field: forms.Field) -> None:
    """Give a field's widget its class."""
    css = next(css for kind, css in _CLASSES if isinstance(field.widget, kind))
    field.widget.attrs["class"] = f"{css} {field.widget.attrs.get('class', '')}".strip()


def row_number(text: str | None) -> int | None:
    """A row's key as it stands in an address or a form; None for what can be nobody's key."""
    if not text or not text.isdecimal() or len(text) > len(str(LARGEST_KEY)):
        return None
    return int(text) if 0 < int(text) <= LARGEST_KEY else None

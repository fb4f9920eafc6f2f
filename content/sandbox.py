"""How HTML that an author wrote is served from our own origin: a sandbox takes scripts, forms and cookies from it."""

import html

from content.compile import Contents

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; "
    "img-src http: https: data:; style-src 'unsafe-inline' https:; font-src https: data:; media-src https:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def page_of(contents: Contents) -> str:
    """The message as a page: its HTML, or its text where it has none."""
    if contents.html:
        return contents.html
    return (
        f'<!doctype html><meta charset="utf-8"><title>{html.escape(contents.subject)}</title>'
        f'<pre style="white-space: pre-wrap; font: 1rem/1.5 system-ui, sans-serif">{html.escape(contents.text)}</pre>'
    )

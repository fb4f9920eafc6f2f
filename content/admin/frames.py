"""Mail bodies in frames: shown as they are, able to do nothing."""

from django.http import HttpResponse

# What the frame's `sandbox` attribute says too: links open in a new tab; scripts, forms, our cookies are out of reach.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
POLICY = (
    f"sandbox {SANDBOX}; default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; "
    "font-src https: data:; form-action 'none'; base-uri 'self'; frame-ancestors 'self'"
)


def mail_frame(html: str) -> HttpResponse:
    """A mail's HTML for a sandboxed frame, with a policy that holds even when the address is opened by itself."""
    response = HttpResponse(f'<base target="_blank">{html}')
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    return response

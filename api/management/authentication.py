"""Who is asking: a program with an API key, or a person in a browser with a session."""

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from accounts.models import ApiKey, User
from tracking.clients import client_address

SCHEMES = (b"token", b"bearer")


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` or `Authorization: Token <key>`; another scheme is left to the next in line."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in SCHEMES:
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Invalid token header. Write the scheme, one space and the key.")
        key = keys.authenticate(words[1].decode("latin-1"), address=client_address(request.META))
        if key is None:
            raise AuthenticationFailed("Invalid token.")
        return key.membership.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Token"

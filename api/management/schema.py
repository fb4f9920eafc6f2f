"""What drf-spectacular cannot read off the views: the key schemes, and the refusals every operation shares."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_view_model
from drf_spectacular.utils import Direction
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS


class DetailSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


INVALID = {
    "oneOf": [
        {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    ]
}
STANDARD_ACTIONS = {"list", "create", "retrieve", "partial_update", "destroy"}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    target_class = "api.management.authentication.KeyAuthentication"
    name = ["bearer", "token"]  # noqa: RUF012 - as drf-spectacular declares it

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return [{"bearer": []}, {"token": []}]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        token = {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token <key>"}
        return [{"type": "http", "scheme": "bearer"}, token]


class ManagementSchema(AutoSchema):
    """Operation ids as the contract names them (`campaigns_schedule`), and each operation's possible refusals."""

    def get_operation_id(self) -> str:
        action = getattr(self.view, "action", None)
        if action in STANDARD_ACTIONS:
            return str(super().get_operation_id())
        return "_".join(token.replace("-", "_") for token in self._tokenize_path())

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            model = get_view_model(self.view)  # type: ignore[no-untyped-call]
            parameter["schema"] = {"type": "string"}
            parameter["description"] = f"A unique value identifying this {model._meta.object_name}."
        return parameters

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, description in self._refusals().items():
            shape = INVALID if code == "400" else DetailSerializer
            if code not in bodies:
                bodies[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    shape, code, ["application/json"], direction
                )
                bodies[code]["description"] = description
        return dict(sorted(bodies.items()))

    def _refusals(self) -> dict[str, str]:
        one, writes = "{id}" in self.path, self.method not in SAFE_METHODS
        takes_body = self.method in ("POST", "PATCH")
        possible = {
            "400": (takes_body or self._is_list_view(), "A parameter or a field is wrong; which, and how to mend it."),
            "401": (True, "No credentials, or wrong ones."),
            "403": (one or writes, "The role does not allow this."),
            "404": (one or self._is_list_view(), "There is no such thing, or none that the caller may see."),
            "409": (writes and (one or bool(self._idempotent())), "Not in the state things are in."),
            "413": (takes_body, "The body is too large."),
            "415": (takes_body, "The body is not JSON."),
            "422": (self._idempotent(), "The Idempotency-Key was used for another request."),
            "429": (True, "Too many requests; Retry-After says when to come back."),
        }
        return {code: description for code, (applies, description) in possible.items() if applies}

    def _idempotent(self) -> bool:
        handler = getattr(self.view, getattr(self.view, "action", None) or "", None)
        return bool(getattr(handler, "is_idempotent", False))

"""What drf-spectacular cannot read off the views: the key schemes, and the refusals every operation shares."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_view_model
from drf_spectacular.utils import Direction
from rest_framework.permissions import SAFE_METHODS

DETAIL = {"type": "object", "required": ["detail"], "properties": {"detail": {"type": "string"}}}
FIELD_ERRORS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}
REFUSALS = {
    "400": ("Invalid", "A parameter or a field is wrong: which, and how to mend it."),
    "401": ("NoCredentials", "No credentials, or wrong ones."),
    "403": ("NotAllowed", "The role does not allow this."),
    "404": ("NotFound", "There is no such thing, or none that the caller may see."),
    "409": ("Conflict", "Not in the state things are in."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("NotJson", "The body is not JSON."),
    "422": ("KeyReused", "The Idempotency-Key was used for another request."),
    "429": ("TooOften", "Too many requests; Retry-After says when to come back."),
}
VERBS = {
    "list": "List",
    "create": "Create",
    "retrieve": "Retrieve",
    "partial_update": "Update",
    "destroy": "Delete",
}


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
        if action in VERBS:
            return str(super().get_operation_id())
        return "_".join(token.replace("-", "_") for token in self._tokenize_path())

    def get_summary(self) -> str | None:
        """`List campaigns`, `Recalculate segment`: what it does, to what."""
        action = getattr(self.view, "action", None)
        if not action:
            return None
        names = get_view_model(self.view)._meta  # type: ignore[no-untyped-call]
        verb = VERBS.get(action, action.replace("_", " ").capitalize())
        return f"{verb} {names.verbose_name_plural if action == 'list' else names.verbose_name}"

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for parameter in parameters:
            model = get_view_model(self.view)  # type: ignore[no-untyped-call]
            parameter["schema"] = {"type": "string"}
            parameter["description"] = f"A unique value identifying this {model._meta.object_name}."
        return parameters

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        refusals = {code: {"$ref": f"#/components/responses/{REFUSALS[code][0]}"} for code in self._refusals()}
        return dict(sorted((refusals | bodies).items()))

    def _refusals(self) -> list[str]:
        one, lists, writes = "{id}" in self.path, self._is_list_view(), self.method not in SAFE_METHODS
        takes_body = self.method in ("POST", "PATCH")
        handler = getattr(self.view, getattr(self.view, "action", None) or "", None)
        remembers = getattr(handler, "is_idempotent", False)
        possible = {
            "400": takes_body or lists or (not takes_body and bool(self.get_override_parameters())),
            "401": True,
            "403": one or writes,
            "404": one or lists,
            "409": writes and (one or remembers),
            "413": takes_body,
            "415": takes_body,
            "422": remembers,
            "429": True,
        }
        return [code for code, applies in possible.items() if applies]


def name_refusals(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook: the refusals under the names the operations call them by."""
    components = result["components"]
    components["schemas"] |= {"Detail": DETAIL, "FieldErrors": FIELD_ERRORS}
    detail = {"$ref": "#/components/schemas/Detail"}
    either = {"oneOf": [detail, {"$ref": "#/components/schemas/FieldErrors"}]}
    components["responses"] = {
        name: {
            "description": description,
            "content": {"application/json": {"schema": either if code == "400" else detail}},
        }
        for code, (name, description) in REFUSALS.items()
    }
    return result

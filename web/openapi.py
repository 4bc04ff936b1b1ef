"""OpenAPI 3.1 from the route tables: models give the schemas, rows give paths, roles and statuses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.routing import API, Route

_PARAMETER = re.compile(r"{(\w+)}")
_COOKIE = (
    "The session of whom signed in last. A browser with several people names one: header X-Session (or query session) with the "
    "`session` of GET /auth/session picks the cookie softswitch_session_<id>."
)
_TEXT = {"type": "string"}
_FAULTS = {"type": "array", "items": {"type": "object", "properties": {"field": _TEXT, "reason": _TEXT}}}
_PROBLEM = {
    "type": "object",
    "properties": {
        "type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "code": _TEXT,
        "cause": _TEXT, "instance": _TEXT, "errors": _FAULTS,
    },
    "required": ["type", "title", "status"],
}  # fmt: skip


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The whole description, ready for `json.dumps`."""
    rows = tuple(routes)
    models: set[type[BaseModel]] = {model for row in rows for model in (row.body, row.query, row.reply) if model}
    ordered = sorted(models, key=lambda model: model.__name__)
    references, schemas = models_json_schema(
        [(model, "validation") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(API + row.path, {})[row.method.lower()] = _operation(row, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "softswitch", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "softswitch_session", "description": _COOKIE},
            },
        },
    }


def _operation(row: Route, references: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": row.summary,
        "operationId": row.handler.__name__,
        "tags": [row.path.split("/")[1]],
        "parameters": [_path_parameter(name) for name in _PARAMETER.findall(row.path)],
        "responses": {str(row.status): _reply(row, references), "default": _problem_reply(row)},
        "security": [{"bearer": []}, {"cookie": []}] if row.roles is not None else [],
    }
    if row.roles is not None:
        operation["description"] = "Roles: " + ", ".join(sorted(row.roles))
        if row.permission:
            operation["x-permission"] = row.permission.value
    if row.query:
        schema = row.query.model_json_schema()
        required = set(schema.get("required", ()))
        operation["parameters"] += [
            {"name": name, "in": "query", "required": name in required, "schema": _inlined(value, schema)}
            for name, value in schema.get("properties", {}).items()
        ]
    if row.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": references[row.body, "validation"]}},
        }
    elif row.raw_body:
        operation["requestBody"] = {"required": True, "content": {row.raw_body: {"schema": {"type": "string"}}}}
    return operation


def _inlined(value: Any, schema: dict[str, Any]) -> Any:
    """Query parameters stand alone: local references are replaced by what they name."""
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(schema["$defs"][value["$ref"].rsplit("/", 1)[1]], schema)
        return {key: _inlined(item, schema) for key, item in value.items()}
    if isinstance(value, list):
        return [_inlined(item, schema) for item in value]
    return value


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _reply(row: Route, references: dict[Any, Any]) -> dict[str, Any]:
    if row.status == 204:
        return {"description": "done"}
    schema: dict[str, Any] = references[row.reply, "validation"] if row.reply else {"type": "object"}
    if row.reply_type != "application/json":
        schema = {"type": "string", "format": "binary"}
    files = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in row.files}
    return {"description": "ok", "content": {row.reply_type: {"schema": schema}, **files}}


def _problem_reply(row: Route) -> dict[str, Any]:
    """A route that shows pages shows its refusals as pages too."""
    pages = {"text/html": {"schema": {"type": "string"}}} if row.reply_type == "text/html" else {}
    return {
        "description": "an error (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}, **pages},
    }

"""The description against the application: what schemathesis makes of each route, valid and not, is answered as described."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from softswitch.model.states import Role
from tests.web.conftest import Web, call_view
from web.api import ROUTES
from web.openapi import document

EXAMPLES = 8  # a route and mode
THERE = {"id": "c1", "login": "li", "name": "sales"}
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES, "0"))
OPERATIONS = {f"{route.method} {route.path}": SCHEMA[f"/api/v1{route.path}"][route.method] for route in ROUTES}
CHECKS = [
    schemathesis.checks.not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance,
]  # fmt: skip


@schemathesis.serializer("application/toml", "audio/wav")
def as_text(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def ask(cases: SearchStrategy[Any], url: str, headers: dict[str, str]) -> None:
    """Sends the examples from a thread, because schemathesis waits for each answer; raises what a check finds."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def conversation(case: Any) -> None:
        case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=10)

    conversation()


@pytest.mark.parametrize("name", OPERATIONS)
async def test_route_answers_as_described(app: Web, name: str) -> None:
    """Valid requests about objects that are there; then anything at all."""
    app.calls.views = {"c1": call_view("c1", "li")}
    headers = await app.program(Role.ADMINISTRATOR)
    url = str(app.server.make_url("")).rstrip("/")
    operation = OPERATIONS[name]
    there = {key: value for key, value in THERE.items() if f"{{{key}}}" in name}
    await asyncio.to_thread(ask, operation.as_strategy(path_parameters=there or None), url, headers)
    if operation.body or operation.query or there:
        await asyncio.to_thread(ask, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), url, headers)

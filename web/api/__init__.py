"""REST resources: one file each, joined in one explicit table."""

from __future__ import annotations

from web.api import (
    access,
    agents,
    apply,
    auth,
    calls,
    clicks,
    config,
    customers,
    queues,
    recordings,
    status,
    supervision,
    trunks,
)
from web.routing import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *access.ROUTES,
    *calls.ROUTES,
    *agents.ROUTES,
    *queues.ROUTES,
    *trunks.ROUTES,
    *apply.ROUTES,
    *clicks.ROUTES,
    *config.ROUTES,
    *customers.ROUTES,
    *recordings.ROUTES,
    *supervision.ROUTES,
    *status.ROUTES,
)

"""REST resources: one file each, joined in one explicit table."""

from __future__ import annotations

from web.api import agents, apply, auth, calls, clicks, config, queues, recordings, status, trunks
from web.routing import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *calls.ROUTES,
    *agents.ROUTES,
    *queues.ROUTES,
    *trunks.ROUTES,
    *apply.ROUTES,
    *clicks.ROUTES,
    *config.ROUTES,
    *recordings.ROUTES,
    *status.ROUTES,
)

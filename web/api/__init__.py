"""REST resources: one file each, joined in one explicit table."""

from __future__ import annotations

from web.api import (
    access,
    agents,
    apply,
    audit,
    auth,
    calendars,
    callbacks,
    calls,
    clicks,
    commands,
    config,
    customers,
    flows,
    lists,
    queues,
    recordings,
    reports,
    routing,
    status,
    supervision,
    trunks,
    voicemail,
)
from web.routing import Route

ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *access.ROUTES,
    *audit.ROUTES,
    *calls.ROUTES,
    *commands.ROUTES,
    *agents.ROUTES,
    *queues.ROUTES,
    *routing.ROUTES,
    *callbacks.ROUTES,
    *lists.ROUTES,
    *calendars.ROUTES,
    *trunks.ROUTES,
    *apply.ROUTES,
    *clicks.ROUTES,
    *config.ROUTES,
    *customers.ROUTES,
    *flows.ROUTES,
    *voicemail.ROUTES,
    *recordings.ROUTES,
    *reports.ROUTES,
    *supervision.ROUTES,
    *status.ROUTES,
)

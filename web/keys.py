"""Typed keys of the application."""

from __future__ import annotations

from aiohttp import web

from softswitch.services import Services

SERVICES = web.AppKey("services", Services)

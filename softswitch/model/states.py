"""Agent states and call states by the words of the glossary (call-centre.md §2.1)."""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    READY = "ready"
    PREVIEW = "preview"
    RESERVED = "reserved"
    RINGING = "ringing"
    DIALLING = "dialling"
    TALKING = "talking"
    HOLDING = "holding"
    CONSULTING = "consulting"
    CONFERENCE = "conference"
    WRAP_UP = "wrap_up"
    NOT_RESPONDING = "not_responding"
    OFFLINE = "offline"


class CallState(StrEnum):
    """What the customer is living through; for live views."""

    RINGING = "ringing"
    IVR = "ivr"
    WAITING = "waiting"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


class MonitorMode(StrEnum):
    """Who hears whom: call-centre.md §9."""

    OFF = "off"
    LISTEN = "listen"
    LISTEN_CUSTOMER = "listen_customer"
    LISTEN_AGENT = "listen_agent"
    WHISPER = "whisper"
    BARGE = "barge"
    PRIVATE = "private"
    TAKE_OVER = "take_over"


class Role(StrEnum):
    AGENT = "agent"
    TEAM_LEADER = "team_leader"
    QUALITY = "quality"
    AUDITOR = "auditor"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    API = "api"


class RecordingStatus(StrEnum):
    RECORDING = "recording"
    COMPLETE = "complete"
    DEGRADED = "degraded"
    RECOVERED = "recovered"
    FAILED = "failed"

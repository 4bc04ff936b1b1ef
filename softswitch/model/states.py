"""Agent states and call states by the words of the glossary (call-centre.md §2.1)."""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    READY = "ready"
    RESERVED = "reserved"
    RINGING = "ringing"
    DIALLING = "dialling"
    TALKING = "talking"
    HOLDING = "holding"
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
    OFF = "off"
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


class Role(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    API = "api"


class RecordingStatus(StrEnum):
    RECORDING = "recording"
    COMPLETE = "complete"
    DEGRADED = "degraded"
    RECOVERED = "recovered"
    FAILED = "failed"

"""What the running switch tells about itself: Prometheus figures and the administrator's status."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from media import events as engine
from media.codecs import CODECS
from signalling.events import Counted
from softswitch import __version__
from softswitch.bootstrap.configuring import checks_of
from softswitch.bootstrap.switch import Switch
from softswitch.config.settings import Settings
from softswitch.model.events import rfc3339
from softswitch.model.views import AgentView
from softswitch.observe.alarms import Alarms
from softswitch.observe.feed import MetricsFeed
from softswitch.observe.metrics import Metrics

REFUSING = 2
"""The step of the overload ladder from which the engine reserves no new ports (media-engine.md §12)."""


class Figures:
    """Subscribes to the engine for the state of its clock; counts SIP traffic when it is asked."""

    def __init__(
        self,
        metrics: Metrics,
        feed: MetricsFeed,
        switch: Switch,
        traffic: Callable[[], Counter[tuple[str, str]]],
        alarms: Alarms,
    ) -> None:
        self._metrics = metrics
        self._feed = feed
        self._switch = switch
        self._traffic = traffic
        self._alarms = alarms
        self._counted: Counter[tuple[str, str]] = Counter()
        self._lags: dict[int, float] = {}
        self._missed: dict[int, int] = {}

    def render(self) -> bytes:
        """The exposition of Prometheus."""
        traffic = Counter(self._traffic())
        for (direction, what), count in (traffic - self._counted).items():
            if what.isdigit():
                self._metrics.sip_responses.labels(what, direction).inc(count)
            else:
                self._metrics.sip_requests.labels(what, direction).inc(count)
        self._counted = traffic
        self._metrics.registrations.set(len(self._switch.registrar))
        for view in self._switch.trunks.views():
            self._metrics.trunk_up.labels(view["name"]).set(view["state"] in ("up", "registered"))
        return self._feed.render()

    def note(self, event: Counted) -> None:
        """Something of signalling that is worth a figure and no more."""
        if event.what == "malformed":
            self._metrics.sip_malformed.inc()
        else:
            self._metrics.sip_counted.labels(event.what).inc()

    def watch(self, event: engine.Event) -> None:
        """The engine's events: what was dropped on a port that was closed, the lateness of the media clock."""
        if isinstance(event, engine.Overload):
            self._lags[event.worker] = event.lag_ms / 1000
            self._metrics.late_clock.inc(max(0, event.missed - self._missed.get(event.worker, 0)))
            self._missed[event.worker] = event.missed
            self._metrics.mixer_lag.set(max(self._lags.values()))
            self._metrics.overload.labels(str(event.worker)).set(event.level)
            self._loaded(event)
        elif isinstance(event, engine.EventsDropped):
            self._metrics.media_dropped.labels("events").inc(event.count)
        elif isinstance(event, engine.PortFailed):
            self._metrics.port_failures.labels(event.reason).inc()
        elif isinstance(event, engine.PortClosed):
            for what in ("late", "discarded", "flooded", "srtp_failures"):
                if count := getattr(event.stats, what):
                    self._metrics.media_dropped.labels(what).inc(count)

    def _loaded(self, event: engine.Overload) -> None:
        """Tells a person when the engine takes no new ports, which callers notice as 503."""
        if event.level >= REFUSING:
            lag = round(event.lag_ms)
            text = f"The media clock is {lag} ms late: new calls are refused until the machine has time again"
            self._alarms.raise_("media_overload", "critical", text, str(event.worker))
        elif event.level == 0:  # not at the step between, so that it does not flutter
            self._alarms.clear("media_overload", str(event.worker))


class StatusPage:
    """`GET /status`."""

    def __init__(
        self, settings: Settings, switch: Switch, alarms: Alarms, agents: Callable[[], Sequence[AgentView]], started_at: float
    ) -> None:
        self._settings = settings
        self._switch = switch
        self._alarms = alarms
        self._agents = agents
        self._started_at = started_at
        self.listeners: tuple[str, ...] = ()

    async def __call__(self) -> Mapping[str, Any]:
        codecs = list(dict.fromkeys(codec.name for codec in CODECS if not codec.library))
        checks = await asyncio.to_thread(checks_of, self._settings, running=True, codecs=codecs)
        return {
            "version": __version__,
            "started": rfc3339(self._started_at),
            "live_calls": len(self._switch.calls),
            "agents": Counter(view.state for view in self._agents()),
            "alarms": [
                {
                    "code": alarm.code,
                    "level": alarm.level,
                    "text": alarm.text,
                    "object": alarm.object,
                    "since": rfc3339(alarm.since),
                }
                for alarm in self._alarms.active()
            ],
            "listeners": list(self.listeners),
            "disk_free_bytes": self._switch.keeper.disk_free(),
            "recordings": {"keep_days": self._settings.recordings.keep_days},
            "checks": [{"name": check.name, "ok": check.ok, "text": check.text, "advice": check.advice} for check in checks],
        }

"""Prometheus figures of the switch. The names are an outside interface; what feeds each one stands beside it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_RATIO = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
_JITTER = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
_MOS = (1.0, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4)


class Metrics:
    """All figures with a registry of their own, so that two switches in one process do not mix."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        # calls, by MetricsFeed
        self.calls_active = Gauge("softswitch_calls_active", "Calls that have not ended", registry=registry)
        self.calls = Counter("softswitch_calls", "Ended calls", ["direction", "result"], registry=registry)
        self.call_setup = Histogram(
            "softswitch_call_setup_seconds", "From the call's begin to the first answer", buckets=_SECONDS, registry=registry
        )
        # SIP, by whoever drives the endpoint
        self.sip_requests = Counter("softswitch_sip_requests", "SIP requests", ["method", "direction"], registry=registry)
        self.sip_responses = Counter("softswitch_sip_responses", "SIP responses", ["code", "direction"], registry=registry)
        self.sip_malformed = Counter("softswitch_sip_malformed", "Messages that are no SIP", registry=registry)
        self.sip_counted = Counter("softswitch_sip_noted", "Other noteworthy messages", ["what"], registry=registry)
        self.registrations = Gauge("softswitch_registrations_active", "Contacts of registered phones", registry=registry)
        self.trunk_up = Gauge("softswitch_trunk_up", "1 while the trunk can be used", ["trunk"], registry=registry)
        self.trunk_channels = Gauge("softswitch_trunk_channels", "Calls on the trunk", ["trunk"], registry=registry)
        # media, by MetricsFeed at the end of each leg; mixer lag by the engine's owner
        self.packet_loss = Histogram(
            "softswitch_rtp_packet_loss_ratio", "Lost packets of a leg", buckets=_RATIO, registry=registry
        )
        self.jitter = Histogram("softswitch_rtp_jitter_seconds", "Jitter of a leg", buckets=_JITTER, registry=registry)
        self.mos = Histogram("softswitch_rtp_mos", "Estimated quality of a leg (E-model)", buckets=_MOS, registry=registry)
        self.one_way_audio = Counter("softswitch_one_way_audio", "Parties that were sent to and not heard", registry=registry)
        self.mixer_lag = Gauge("softswitch_mixer_tick_lag_seconds", "Lateness of the media clock", registry=registry)
        self.overload = Gauge("softswitch_media_overload_level", "Step of the overload ladder", ["worker"], registry=registry)
        self.late_clock = Counter("softswitch_mixer_late_frames", "Frames that the media clock missed", registry=registry)
        self.media_dropped = Counter("softswitch_media_dropped", "Packets and events not used", ["what"], registry=registry)
        for what in ("late", "discarded", "flooded", "srtp_failures"):
            self.media_dropped.labels(what)  # stands there from the start, with 0
        self.port_failures = Counter("softswitch_media_port_failures", "Ports that failed", ["reason"], registry=registry)
        self.loop_lag = Gauge("softswitch_loop_lag_seconds", "Lateness of the event loop", registry=registry)
        # contact centre, by MetricsFeed
        self.queue_waiting = Gauge("softswitch_queue_waiting", "Callers in the queue", ["queue"], registry=registry)
        self.queue_longest = Gauge(
            "softswitch_queue_longest_wait_seconds", "Wait of the caller who waits longest", ["queue"], registry=registry
        )
        self.queue_service_level = Gauge(
            "softswitch_queue_service_level_ratio", "Answered in time, of all that left the queue", ["queue"], registry=registry
        )
        self.agents = Gauge("softswitch_agents", "Agents in a state", ["state"], registry=registry)
        self.recordings = Counter("softswitch_recordings", "Finished recordings", ["verdict"], registry=registry)
        # messages of calls, by set_function
        self.trace_octets = Gauge("softswitch_trace_memory_bytes", "Messages of live calls in memory", registry=registry)
        self.trace_lost = Gauge("softswitch_trace_lost_calls", "Calls whose messages had no room", registry=registry)
        # the journal, by set_function
        self.outbox_pending = Gauge("softswitch_events_outbox_pending", "Events that wait for a commit", registry=registry)

    def render(self) -> bytes:
        """The text exposition format, version 0.0.4."""
        return generate_latest(self.registry)

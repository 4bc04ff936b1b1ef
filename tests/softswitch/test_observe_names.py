"""The names of figures are an outside interface: dashboards are built on them."""

from __future__ import annotations

from softswitch.observe.metrics import Metrics

AGREED = [
    "softswitch_calls_active",
    "softswitch_calls_total{direction,result}",
    "softswitch_call_setup_seconds",
    "softswitch_sip_requests_total{method,direction}",
    "softswitch_sip_responses_total{code,direction}",
    "softswitch_registrations_active",
    "softswitch_trunk_up{trunk}",
    "softswitch_trunk_channels{trunk}",
    "softswitch_rtp_packet_loss_ratio",
    "softswitch_rtp_jitter_seconds",
    "softswitch_rtp_mos",
    "softswitch_one_way_audio_total",
    "softswitch_mixer_tick_lag_seconds",
    "softswitch_loop_lag_seconds",
    "softswitch_queue_waiting{queue}",
    "softswitch_queue_longest_wait_seconds{queue}",
    "softswitch_queue_service_level_ratio{queue}",
    "softswitch_agents{state}",
    "softswitch_recordings_total{verdict}",
    "softswitch_events_outbox_pending",
]


def test_every_agreed_name_is_there_with_its_labels() -> None:
    metrics = Metrics()
    for collector in vars(metrics).values():
        names = getattr(collector, "_labelnames", ())
        if names:
            collector.labels(*("x" for _ in names))
    text = metrics.render().decode()
    for agreed in AGREED:
        name, _, labels = agreed.removesuffix("}").partition("{")
        sample = next((line for line in text.splitlines() if line.startswith((name + "{", name + " ", name + "_count"))), None)
        assert sample is not None, name
        for label in filter(None, labels.split(",")):
            assert f'{label}="' in sample, sample

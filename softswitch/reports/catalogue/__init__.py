"""The catalogue: every report that there is, in the order of the page. Its words are data (`reports.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from softswitch.reports.catalogue import agents, lines, outcomes, queues, records, repeats, traffic
from softswitch.reports.model import Asking, Column, Report, Table, Words

_MAKERS: Mapping[str, Callable[[Asking], Table]] = {
    "queues": queues.queue_report, "service": queues.service_report, "workload": agents.workload_report,
    "agent_inbound": agents.inbound_report, "agent_outbound": agents.outbound_report, "agent_states": agents.states_report,
    "lines": lines.line_report, "traffic": traffic.traffic_report, "calls": traffic.call_list, "ivr": traffic.node_report,
    "self_service": traffic.self_service_report,
    "prediction": queues.prediction_report, "dispositions": outcomes.disposition_report, "survey": outcomes.survey_report,
    "repeats": repeats.repeat_report,
    "callbacks": outcomes.callback_report, "recordings": records.recording_report, "alarms": records.alarm_report,
    "operations": records.operation_report,
}  # fmt: skip


def _words(data: Mapping[str, str]) -> Words:
    return Words(data["zh"], data["en"])


def _report(identity: str, data: Mapping[str, Any]) -> Report:
    columns = tuple(
        Column(entry["id"], _words(entry), entry["kind"], _words(entry.get("formula", {"zh": "", "en": ""})))
        for entry in data["columns"]
    )
    return Report(
        id=identity, title=_words(data["title"]), columns=columns, parameters=tuple(data["parameters"]),
        make=_MAKERS[identity], chart=data["chart"], restricted=data.get("restricted", False),
    )  # fmt: skip


_FILE = Path(__file__).with_name("reports.toml")
REPORTS: Mapping[str, Report] = {
    identity: _report(identity, data) for identity, data in tomllib.loads(_FILE.read_text("utf-8")).items()
}

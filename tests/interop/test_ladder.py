"""A call from SIPp to SIPp by way of a full trunk: its ladder, its capture file, what Homer gets, and the counters."""

from __future__ import annotations

import io
import socket
import struct
from pathlib import Path

import dpkt

from tests.support.sipp import Caller, Sipp, answering, refusing
from tests.support.switch import Switch, free_sip_port, wait_for


def apply_file(main: int, full: int, spare: int) -> str:
    trunks = "".join(
        f'[[trunk]]\nname = "{name}"\naddresses = ["127.0.0.1:{port}"]\n'
        for name, port in (("main", main), ("full", full), ("spare", spare))
    )
    return trunks + '[[number]]\nnumber = "4001"\nto = "outside:0123"\n[[route]]\npattern = "0*"\ntrunks = ["full", "spare"]\n'


def packets(server: socket.socket) -> list[dict[int, bytes]]:
    """The HEP3 packets that have come, as chunks by type."""
    found: list[dict[int, bytes]] = []
    server.setblocking(False)
    while True:
        try:
            packet = server.recv(65_535)
        except BlockingIOError:
            return found
        assert packet[:4] == b"HEP3"
        chunks, place = {}, 6
        while place < len(packet):
            _, kind, length = struct.unpack(">HHH", packet[place : place + 6])
            chunks[kind] = packet[place + 6 : place + length]
            place += length
        found.append(chunks)


def test_a_call_leaves_its_ladder_its_capture_and_its_figures(tmp_path: Path) -> None:
    main, full, spare = (free_sip_port() for _ in range(3))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    settings = {"SOFTSWITCH_SIP__HEP": f"udp:127.0.0.1:{server.getsockname()[1]}"}
    (tmp_path / "switch").mkdir()
    with Switch(tmp_path / "switch", apply_file(main, full, spare), settings=settings) as switch:
        target = f"127.0.0.1:{switch.sip_port}"
        scenario = Caller().invite().answered().acknowledge().pause(1.0).hang_up().xml()
        with (
            Sipp(tmp_path / "full", refusing(503), port=full),
            Sipp(tmp_path / "spare", answering(ring_ms=50), port=spare),
            Sipp(tmp_path / "main", scenario, target=target, service="4001", port=main) as caller,
        ):
            caller.succeed(60)
        (record,) = switch.ended_calls(1)
        identity = record["id"]
        live = switch.api("GET", f"/calls/{identity}/ladder")
        assert live["kept"] == "live"
        stored = wait_for(lambda: _stored(switch, identity), 10, "the messages in the database")
        assert [(party["role"], party["kind"], party["name"]) for party in stored["parties"]] == [
            ("caller", "trunk", "main"), ("switch", "switch", ""), ("callee", "trunk", "full"), ("callee", "trunk", "spare"),
        ]  # fmt: skip
        places = [f"127.0.0.1:{port}" for port in (main, full, spare)]
        assert [party["address"] for party in stored["parties"] if party["address"]] == places
        lines = [(one["source"], one["target"], one["status"] or one["method"]) for one in stored["messages"]]
        for line in (
            ("p1", "switch", "INVITE"), ("switch", "p2", "INVITE"), ("p2", "switch", 503), ("switch", "p3", "INVITE"),
            ("p3", "switch", 180), ("p3", "switch", 200), ("switch", "p1", 200), ("p1", "switch", "BYE"),
            ("switch", "p3", "BYE"),
        ):  # fmt: skip
            assert line in lines, lines
        assert [each["text"]["en"] for each in stored["verdicts"] if each["rule"] in ("next_route", "talked")] == [
            "Trunk full answered 503, the next route was tried", stored["verdicts"][-1]["text"]["en"],
        ]  # fmt: skip
        status, capture = switch.request("GET", f"/api/v1/calls/{identity}/ladder.pcap")
        assert status == 200
        read = [dpkt.ip.IP(raw).data for _, raw in dpkt.pcap.Reader(io.BytesIO(capture))]
        assert [packet.data.decode() for packet in read] == [one["text"] for one in stored["messages"]]
        assert {packet.sport for packet in read} == {switch.sip_port, main, full, spare}
        sent = packets(server)
        assert {chunk[17] for chunk in sent if chunk[15].startswith((b"INVITE", b"BYE"))} == {identity.encode()}
        assert len(sent) >= len(stored["messages"])
        _, text = switch.request("GET", "/metrics")
        figures = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
        assert float(figures['softswitch_sip_requests_total{direction="in",method="INVITE"}']) == 1
        assert float(figures['softswitch_sip_requests_total{direction="out",method="INVITE"}']) == 2
        assert float(figures['softswitch_sip_responses_total{code="503",direction="in"}']) == 1
        assert float(figures['softswitch_calls_total{direction="in",result="answered"}']) == 1
    server.close()


def _stored(switch: Switch, identity: str) -> dict[str, object] | None:
    found: dict[str, object] = switch.api("GET", f"/calls/{identity}/ladder")
    return found if found["kept"] == "kept" else None

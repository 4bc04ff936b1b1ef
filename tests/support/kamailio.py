"""Kamailio as a neighbour of the switch: an edge proxy between phones and the switch, or the proxy of a carrier."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.raw_sip import RawSip, status
from tests.support.switch import free_sip_port, wait_for

HOST = "127.0.0.1"
_HEAD = """#!KAMAILIO
debug=1
log_stderror=yes
children=2
disable_tcp=yes
auto_aliases=no
dns=no
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "nathelper.so"
loadmodule "path.so"
modparam("rr", "enable_double_rr", 1)
modparam("path", "use_received", 1)
modparam("tm", "fr_timer", 1500)
"""
_COMMON = """
request_route {
    if ($rm == "OPTIONS" && $rU == "alive") { sl_send_reply("200", "OK"); exit; }
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) {
            handle_ruri_alias();
            t_relay();
            exit;
        }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not Here");
        exit;
    }
    t_check_trans();
"""


@dataclass
class Kamailio:
    """One process with `routes` as its configuration below the modules; it listens on `ports`."""

    folder: Path
    routes: str
    ports: tuple[int, ...] = field(default_factory=lambda: (free_sip_port(),))
    host: str = HOST
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Kamailio:
        self.folder.mkdir(parents=True, exist_ok=True)
        listen = "".join(f"listen=udp:{self.host}:{port}\n" for port in self.ports)
        file = self.folder / "kamailio.cfg"
        file.write_text(_HEAD.replace("debug=1\n", f"debug=1\n{listen}", 1) + self.routes)
        arguments = [
            "kamailio",
            "-f",
            str(file),
            "-DD",
            "-E",
            "-m",
            "32",
            "-M",
            "4",
            "-Y",
            str(self.folder),
            "-w",
            str(self.folder),
        ]
        log = (self.folder / "kamailio.log").open("wb")
        self.process = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._is_alive, 15, "Kamailio to start")
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # it takes 5 s to end by itself
        self.process.wait(10)

    @property
    def log(self) -> str:
        return (self.folder / "kamailio.log").read_text(errors="replace")

    def _is_alive(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log
        with RawSip(self.ports[0]) as raw:
            raw.switch = (self.host, self.ports[0])
            raw.send(raw.request("OPTIONS", f"sip:alive@{self.host}:{self.ports[0]}"))
            return status(raw.receive(0.3)) == 200


def edge(folder: Path, switch_port: int) -> Kamailio:
    """Phones at `ports[0]`, the switch at `ports[1]`: Path, two Record-Routes, the real addresses of phones behind a NAT."""
    outside, inside = free_sip_port(), free_sip_port()
    inside_a_dialog = f"""if (has_totag()) {{
        if ($Rp == {outside} && is_present_hf("Contact")) set_contact_alias();"""
    routes = f"""{_COMMON.replace("if (has_totag()) {", inside_a_dialog)}
    if ($Rp == {outside}) {{
        force_rport();
        $du = "sip:{HOST}:{switch_port}";
        $fs = "udp:{HOST}:{inside}";
        if (is_method("REGISTER")) {{ add_path_received(); t_relay(); exit; }}
        set_contact_alias();
        record_route();
        t_relay();
        exit;
    }}
    if (!is_present_hf("Route")) {{ sl_send_reply("404", "No Way"); exit; }}
    loose_route();  # false for the only Route of a first request, and yet done
    $fs = "udp:{HOST}:{outside}";
    record_route();
    t_relay();
}}
reply_route {{
    if ($Rp == {outside} && is_present_hf("Contact")) set_contact_alias();
}}
"""
    return Kamailio(folder, routes, (outside, inside))


def carrier(folder: Path, plan: str, host: str, port: int) -> Kamailio:
    """A carrier's proxy. `plan`: what it does with an INVITE, in its own language."""
    routes = f"""{_COMMON}
    record_route();
{plan}
}}
"""
    return Kamailio(folder, routes, (port,), host)

"""OPTIONS: probe a peer, and answer probes (RFC 3261 §11)."""

from __future__ import annotations

from signalling.commands import Options
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import OptionsAnswered
from signalling.message import Outgoing, Response, parse_uri
from signalling.usage.core import ACCEPT, SUPPORTED, Core


def capabilities(core: Core) -> str:
    """The header lines of a 200 to OPTIONS."""
    config = core.config
    events = f"Allow-Events: {', '.join(config.events)}\r\n" if config.events else ""
    packages = f"Recv-Info: {', '.join(config.info_packages)}\r\n" if config.info_packages else ""
    return f"{core.allow_line}{ACCEPT}{SUPPORTED}{events}{packages}{core.server_line}"


def probe(core: Core, command: Options, now: float) -> None:
    """Send one OPTIONS; any final answer arrives as OptionsAnswered, silence as 408."""
    try:
        parse_uri(command.target)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"not a target: {command.target!r}") from error
    flow = command.flow
    sender = f"<sip:{core.advertised(flow)}>;tag={core.token()}"
    request = Outgoing(
        "OPTIONS",
        command.target,
        core.via(flow),
        "",
        sender,
        f"<{command.target}>",
        core.token(),
        1,
        ACCEPT + core.agent_line,
    )

    def done(status: int, response: Response | None, at: float) -> None:
        if status >= 200:
            core.emit(OptionsAnswered(command.tag, status))

    core.send(request, flow, done, now)

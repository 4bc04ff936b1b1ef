"""One baresip phone in a process of its own, driven by JSON lines on stdin; see `phone.Phone` for the other side.

It sends a tone all the time that it is in a call, and remembers what it heard. To who listens for a voice, a tone without a
pause is the noise of a line: with `speak` it comes in words of 0.4 s with 0.2 s between them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import baresip
import numpy as np

RATE = 8000
FRAME = RATE // 50


class Device:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.runtime = baresip.Runtime()
        self.agent: baresip.UserAgent | None = None
        self.call: Any = None
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.heard = bytearray()
        self.sent = 0
        self.digits = ""
        self.hertz = float(options["hertz"])
        self.words = False
        self.tasks: set[asyncio.Task[None]] = set()
        self.told: list[Any] = []

    async def start(self) -> None:
        codecs = tuple(self.options.get("codecs", ("pcmu", "pcma")))
        listen = f"sip_listen 127.0.0.1:{self.options['port']}\n"
        await self.runtime.start(baresip.Config(net_interface="127.0.0.1", native_log_level="error", extra_config_text=listen))
        encryption = self.options.get("encryption", "")
        params = (f"mediaenc={encryption}",) if encryption else ()
        account = baresip.Account(
            user=self.options["user"], domain=self.options["domain"], password=self.options["password"], audio_codecs=codecs,
            reg_interval=120, transport=self.options.get("transport", "udp"), extra_params=params,
        )  # fmt: skip
        self.runtime.subscribe(self._remember)
        self.agent = await baresip.UserAgent.create(self.runtime, account)
        self.agent.on_incoming(self.incoming.put_nowait)

    def _remember(self, event: Any) -> None:
        if event.call:
            self.told.append(event)

    async def dial(self, uri: str) -> Any:
        """An answer within milliseconds is told before the library has a call to tell it to: it is told again here."""
        self.told.clear()
        call = await self.agent.dial(uri)
        for event in [event for event in self.told if event.call == call.handle]:
            call._on_stack_event(event)
        return call

    def adopt(self, call: Any) -> None:
        self.call = call
        self.heard.clear()
        self.digits = ""
        call.on_dtmf(self._on_digit)
        task = asyncio.create_task(self._pump(call))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _on_digit(self, event: Any) -> None:
        self.digits += event.digit

    async def _pump(self, call: Any) -> None:
        while call.state.name != "CLOSED":
            try:
                info = call.audio.info()
                while info.tx_ready and call.audio.info().tx_buffered < 3 * FRAME * 2 * info.tx_sample_rate // RATE:
                    call.audio.write(self._tone(info.tx_sample_rate))
                if info.rx_ready:
                    self.heard += call.audio.read(65536)
                    del self.heard[: -RATE * 2 * 60]
            except (baresip.AudioNotActive, baresip.AudioRestarted):
                pass
            except baresip.StaleHandleError:
                return
            await asyncio.sleep(0.01)

    def _tone(self, rate: int) -> bytes:
        count = rate // 50
        at = (self.sent + np.arange(count)) / rate
        self.sent += count
        loudness = 0.0 if self.words and at[0] % 0.6 < 0.2 else 0.3
        return (loudness * np.sin(2 * np.pi * self.hertz * at) * 32767).astype("<i2").tobytes()

    async def serve(self, order: dict[str, Any]) -> Any:
        """One command. Errors of the phone are answers, not failures of this process."""
        match order["do"]:
            case "register":
                await self.agent.register(timeout=10)
            case "unregister":
                await self.agent.unregister(timeout=10)
            case "dial":
                self.adopt(await self.dial(order["uri"]))
                if order.get("wait", True):
                    await self.call.wait_established(timeout=order.get("timeout", 20))
            case "established":
                await self.call.wait_established(timeout=order.get("timeout", 20))
            case "ringing":
                async with asyncio.timeout(order.get("timeout", 15)):
                    self.waiting = await self.incoming.get()
                    while self.waiting.state.name == "CLOSED":  # given up before anybody looked
                        self.waiting = await self.incoming.get()
                return {"peer": getattr(self.waiting, "peer", "")}
            case "answer":
                await self.waiting.answer()
                self.adopt(self.waiting)
            case "reject":
                await self.waiting.reject()
            case "hold":
                await self.call.hold()
            case "resume":
                await self.call.resume()
            case "hangup":
                await self.call.hangup()
            case "dtmf":
                await self.call.send_dtmf(order["digits"])
            case "state":
                return {"state": self.call.state.name if self.call else "NONE", "digits": self.digits}
            case "speak":
                self.words = order["words"]
            case "clear":
                self.heard.clear()
            case "heard":
                return {"pcm": bytes(self.heard[-int(order["seconds"] * RATE) * 2 :]).hex()}
        return {}


async def main() -> None:
    device = Device(json.loads(sys.argv[1]))
    await device.start()
    print(json.dumps({"ok": {}}), flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        try:
            print(json.dumps({"ok": await device.serve(order)}), flush=True)
        except (baresip.BaresipError, TimeoutError) as error:
            print(
                json.dumps({"error": type(error).__name__, "status": getattr(error, "status", None), "text": str(error)}),
                flush=True,
            )
        if order["do"] == "quit":
            break
    await device.runtime.close()


if __name__ == "__main__":
    asyncio.run(main())

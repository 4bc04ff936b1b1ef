"""One PJSIP phone (pjsua2) in a process of its own, driven by JSON lines on stdin; `pjsua.Pjsua` is the other side.

The orders are those of `phone_process`, and more. It sends a tone in every call and remembers what it heard in each.
Rules of the library: one endpoint per process; what `getInfo()` gives is kept in a variable as long as parts of it are
read; everything happens on this thread but for the two callbacks of a media port, which come on the library's clock.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pjsua2 as pj

RATE = 8000
FRAME = RATE // 50
STATES = {
    pj.PJSIP_INV_STATE_CALLING: "OUTGOING", pj.PJSIP_INV_STATE_INCOMING: "INCOMING", pj.PJSIP_INV_STATE_EARLY: "EARLY",
    pj.PJSIP_INV_STATE_CONNECTING: "CONNECTING", pj.PJSIP_INV_STATE_CONFIRMED: "ESTABLISHED",
    pj.PJSIP_INV_STATE_DISCONNECTED: "CLOSED",
}  # fmt: skip


class Refused(Exception):
    """What a peer said no with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Mouth(pj.AudioMediaPort):
    """The tone."""

    def __init__(self, hertz: float) -> None:
        super().__init__()
        self.hertz, self.sent = hertz, 0

    def onFrameRequested(self, frame: Any) -> None:
        at = (self.sent + np.arange(FRAME)) / RATE
        self.sent += FRAME
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = pj.ByteVector((0.3 * np.sin(2 * np.pi * self.hertz * at) * 32767).astype("<i2").tobytes())
        frame.size = FRAME * 2


class Ear(pj.AudioMediaPort):
    """The last minute of what one call played."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = bytearray()

    def onFrameReceived(self, frame: Any) -> None:
        if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO:
            self.heard += bytes(frame.buf)
            del self.heard[: -RATE * 2 * 60]


class Call(pj.Call):
    def __init__(self, device: Device, number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(device.account, number)
        self.device = device
        self.ear = device.port(Ear(), "ear")
        self.state, self.status, self.reason, self.digits = "IDLE", 0, "", ""
        self.reports: list[int] = []
        self.modifications = 0

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        self.state, self.status, self.reason = STATES.get(info.state, "IDLE"), info.lastStatusCode, info.lastReason

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        for index, medium in enumerate(list(info.media)):
            if medium.type == pj.PJMEDIA_TYPE_AUDIO and medium.status in (
                pj.PJSUA_CALL_MEDIA_ACTIVE,
                pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
                pj.PJSUA_CALL_MEDIA_LOCAL_HOLD,
            ):
                with contextlib.suppress(pj.Error):  # a line that is inactive has no port
                    audio = self.getAudioMedia(index)
                    self.device.mouth.startTransmit(audio)
                    audio.startTransmit(self.ear)

    def onDtmfDigit(self, prm: Any) -> None:
        self.digits += prm.digit

    def onCallTransferStatus(self, prm: Any) -> None:
        self.reports.append(prm.statusCode)

    def onCallRxReinvite(self, prm: Any) -> None:
        self.modifications += 1

    def onCallTransferRequest(self, prm: Any) -> None:
        prm.newCall = self.device.adopt(Call(self.device))

    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.newCall = self.device.adopt(Call(self.device))


class Account(pj.Account):
    def __init__(self, device: Device) -> None:
        super().__init__()
        self.device = device
        self.summaries: list[str] = []
        self.messages: list[str] = []
        self.answers: list[tuple[int, bool]] = []
        """Of the registrar: status, and whether the phone is logged in then."""

    def onRegState(self, prm: Any) -> None:
        self.answers.append((prm.code, prm.expiration > 0))

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self.device, prm.callId)
        call.state = "INCOMING"
        self.device.waiting.append((call, prm.rdata.wholeMsg))
        answer = pj.CallOpParam()
        answer.statusCode = 180
        call.answer(answer)

    def onMwiInfo(self, prm: Any) -> None:
        self.summaries.append(prm.rdata.wholeMsg)

    def onInstantMessage(self, prm: Any) -> None:
        self.messages.append(prm.msgBody)


class Watched(pj.Buddy):
    """Somebody whose presence is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []

    def onBuddyState(self) -> None:
        info = self.getInfo()
        presence = info.presStatus
        self.states.append(f"{info.subStateName} {presence.status} {presence.note or presence.statusText}")


class Device:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.end = pj.Endpoint()
        self.calls: list[Call] = []
        self.waiting: list[tuple[Call, str]] = []
        self.watched: dict[str, Watched] = {}
        self.account = Account(self)

    def start(self) -> None:
        self.end.libCreate()
        settings = pj.EpConfig()
        settings.uaConfig.threadCnt, settings.uaConfig.mainThreadOnly = 0, True
        settings.uaConfig.mwiUnsolicitedEnabled = True
        settings.logConfig.level, settings.logConfig.consoleLevel = (5, 5) if "PJSUA_LOG" in os.environ else (0, 0)
        settings.medConfig.clockRate = settings.medConfig.sndClockRate = RATE
        settings.medConfig.ecTailLen, settings.medConfig.noVad = 0, True
        self.end.libInit(settings)
        self.end.audDevManager().setNullDev()
        wire = pj.TransportConfig()
        wire.boundAddress, wire.port = "127.0.0.1", self.options["port"]
        kinds = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
        transport = self.end.transportCreate(kinds[self.options["transport"]], wire)
        self.end.libStart()
        self._choose_codecs()
        self.mouth = self.port(Mouth(float(self.options["hertz"])), "mouth")
        self.account.create(self._account(transport))

    def _choose_codecs(self) -> None:
        wanted = [name.upper() for name in self.options["codecs"]]
        for codec in self.end.codecEnum2():
            name = codec.codecId.split("/")[0].upper()
            self.end.codecSetPriority(codec.codecId, 200 - wanted.index(name) if name in wanted else 0)

    def _account(self, transport: int) -> Any:
        options = self.options
        account = pj.AccountConfig()
        account.idUri = f"sip:{options['user']}@{options['domain']}"
        account.regConfig.registrarUri = self._to("")
        account.regConfig.registerOnAdd = False
        account.regConfig.timeoutSec = 120
        account.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options["user"], 0, options["password"]))
        account.sipConfig.transportId = transport
        for proxy in options.get("proxies", ()):
            account.sipConfig.proxies.append(proxy)
        account.sipConfig.contactForced = options.get("contact", "")
        account.natConfig.contactRewriteUse = account.natConfig.viaRewriteUse = 0
        media = account.mediaConfig
        media.transportConfig.boundAddress = "127.0.0.1"
        media.transportConfig.port = options["media_port"]
        media.srtpUse = {"": 0, "srtp": pj.PJMEDIA_SRTP_OPTIONAL, "srtp-mand": pj.PJMEDIA_SRTP_MANDATORY}[options["encryption"]]
        media.srtpSecureSignaling = 0
        call = account.callConfig
        call.prackUse = options.get("prack", pj.PJSUA_100REL_NOT_USED)
        call.timerUse = options.get("timer", pj.PJSUA_SIP_TIMER_OPTIONAL)
        if "interval" in options:
            call.timerMinSESec, call.timerSessExpiresSec = 90, options["interval"]
        account.mwiConfig.enabled = options.get("mwi", False)
        return account

    def _to(self, user: str) -> str:
        kind = self.options["transport"]
        return f"sip:{user}{'@' if user else ''}{self.options['domain']}" + (f";transport={kind}" if kind != "udp" else "")

    def port(self, port: Any, name: str) -> Any:
        pcm = pj.MediaFormatAudio()
        pcm.init(pj.PJMEDIA_FORMAT_PCM, RATE, 1, 20_000, 16)
        port.createPort(name, pcm)
        return port

    def adopt(self, call: Call) -> Call:
        self.calls.append(call)
        return call

    @property
    def call(self) -> Call:
        return self.calls[-1]

    def until(self, what: Callable[[], Any], seconds: float, why: str) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := what()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {why}")
            self.end.libHandleEvents(10)
        return value

    def established(self, call: Call, seconds: float) -> None:
        self.until(lambda: call.state in ("ESTABLISHED", "CLOSED"), seconds, "the call to be established")
        if call.state == "CLOSED":
            raise Refused(call.status, call.reason)

    def register(self, *, renew: bool) -> None:
        """Until the registrar has answered this very request."""
        self.account.answers.clear()
        self.account.setRegistration(renew)

        def over() -> bool:
            return any(status >= 300 or active == renew for status, active in self.account.answers)

        self.until(over, 10, "the registrar")
        info = self.account.getInfo()
        if info.regStatus >= 300:
            raise Refused(info.regStatus, info.regStatusText)

    def serve(self, order: dict[str, Any]) -> Any:
        """One command. Errors of the phone are answers, not failures of this process."""
        what = order["do"]
        if what in ("register", "unregister"):
            return self.register(renew=what == "register")
        if handler := getattr(self, f"do_{what}", None):
            return handler(order)
        which = self.calls[order["call"]] if "call" in order else self.calls[-1] if self.calls else None
        if what in ("state", "clear", "heard"):
            return self.tell(what, order, which)
        return self.change(what, order, which)

    def tell(self, what: str, order: dict[str, Any], call: Call | None) -> Any:
        if call is None:
            return {"state": "NONE", "digits": "", "pcm": "", "calls": []}
        if what == "clear":
            call.ear.heard.clear()
            return {}
        if what == "heard":
            return {"pcm": bytes(call.ear.heard[-int(order["seconds"] * RATE) * 2 :]).hex()}
        return {
            "state": call.state, "digits": call.digits, "status": call.status, "reports": call.reports,
            "modifications": call.modifications, "calls": [each.state for each in self.calls],
        }  # fmt: skip

    def change(self, what: str, order: dict[str, Any], call: Call) -> None:
        how = pj.CallOpParam(True)
        match what:
            case "hold":
                call.setHold(how)
            case "resume":
                how.opt.flag |= pj.PJSUA_CALL_UNHOLD
                call.reinvite(how)
            case "reinvite":
                call.reinvite(how)
            case "update":
                call.update(how)
            case "hangup":
                call.hangup(how)
            case "dtmf":
                tones = pj.CallSendDtmfParam()
                tones.digits, tones.duration = order["digits"], 160
                tones.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if order.get("info") else pj.PJSUA_DTMF_METHOD_RFC2833
                call.sendDtmf(tones)
            case "transfer":
                call.xfer(order["uri"], how)
            case "attended":  # the party of this call is connected with that of another one
                call.xferReplaces(self.calls[order["to"]], how)
            case _:
                raise ValueError(what)

    def do_dial(self, order: dict[str, Any]) -> None:
        call = self.adopt(Call(self))
        how = pj.CallOpParam(True)
        for name, value in order.get("headers", {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            how.txOption.headers.append(header)
        call.makeCall(order["uri"], how)
        if order.get("wait", True):
            self.established(call, order.get("timeout", 20))

    def do_established(self, order: dict[str, Any]) -> None:
        self.established(self.call, order.get("timeout", 20))

    def do_ringing(self, order: dict[str, Any]) -> Any:
        def rings() -> bool:  # those that were given up are no calls any more
            self.waiting = [each for each in self.waiting if each[0].state != "CLOSED"]
            return bool(self.waiting)

        self.until(rings, order.get("timeout", 15), "a call")
        call, message = self.waiting[0]
        return {"peer": call.getInfo().remoteUri, "message": message}

    def do_answer(self, order: dict[str, Any]) -> None:
        call, _ = self.waiting.pop(0)
        how = pj.CallOpParam(True)
        how.statusCode = order.get("status", 200)
        if how.statusCode < 200:
            self.waiting.insert(0, (call, ""))
        elif how.statusCode < 300:
            self.adopt(call)
        call.answer(how)

    def do_reject(self, order: dict[str, Any]) -> None:
        self.do_answer({"status": order.get("status", 486)})

    def do_watch(self, order: dict[str, Any]) -> None:
        """Subscribes to somebody's presence (RFC 3856)."""
        settings = pj.BuddyConfig()
        settings.uri, settings.subscribe = order["uri"], True
        buddy = self.watched[order["uri"]] = Watched()
        buddy.create(self.account, settings)

    def do_watched(self, order: dict[str, Any]) -> Any:
        return {"states": {uri: buddy.states for uri, buddy in self.watched.items()}, "summaries": self.account.summaries}

    def do_missed(self, order: dict[str, Any]) -> Any:
        """The states of calls that rang and were not answered; those that are over are forgotten."""
        states = [call.state for call, _ in self.waiting]
        self.waiting = [each for each in self.waiting if each[0].state != "CLOSED"]
        return {"states": states}

    def do_message(self, order: dict[str, Any]) -> None:
        """A short message outside any call (RFC 3428)."""
        settings = pj.BuddyConfig()
        settings.uri, settings.subscribe = order["uri"], False
        buddy = self.watched.setdefault(order["uri"], Watched())
        buddy.create(self.account, settings)
        what = pj.SendInstantMessageParam()
        what.content = order["text"]
        buddy.sendInstantMessage(what)

    def do_messages(self, order: dict[str, Any]) -> Any:
        return {"texts": self.account.messages}


def main() -> None:
    device = Device(json.loads(sys.argv[1]))
    device.start()
    print('\n{"ok": {}}', flush=True)  # the library leaves a line of its own open
    line = b""
    while True:
        device.end.libHandleEvents(5)
        if not select.select([0], [], [], 0)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            break
        *lines, line = (line + chunk).split(b"\n")
        for text in lines:
            reply(device, json.loads(text))
    os._exit(0)  # libDestroy insists on an order of finalizers that Python does not keep


def reply(device: Device, order: dict[str, Any]) -> None:
    try:
        answer = {"ok": device.serve(order) or {}}
    except pj.Error as error:
        answer = {"error": "pj.Error", "status": None, "text": error.info()}
    except (Refused, TimeoutError) as error:
        answer = {"error": type(error).__name__, "status": getattr(error, "status", None), "text": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

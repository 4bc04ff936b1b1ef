"""What went wrong, or right, in plain words: a table of rules over the facts of a call.

A rule finds cases and gives the values of its sentences. To add one: a function, a row in `RULES`, a case in the tests.
`level`: fault (somebody was not served), warning (it went on, but look at it), info (how it ended).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from softswitch.model.cause import Cause
from softswitch.trace import rules_call, rules_media, rules_wire
from softswitch.trace.ladder import Ladder
from softswitch.trace.phrases import Case, Text, spoken

Finder = Callable[[Ladder], Iterator[Case]]


class Rule(NamedTuple):
    name: str
    level: str
    find: Finder
    zh: str
    en: str
    advice_zh: str = ""
    advice_en: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    level: str
    at: float
    party: str
    text: Text
    advice: Text


def verdicts(ladder: Ladder) -> list[Verdict]:
    """The worst first, then by time; one of a kind per party."""
    found: dict[tuple[str, str], Verdict] = {}
    for rule in RULES:
        for case in rule.find(ladder):
            found.setdefault((rule.name, case.party.id), _said(rule, case))
    kept = [verdict for verdict in found.values() if not _outdone(verdict, found)]
    return sorted(kept, key=lambda verdict: (_LEVELS.index(verdict.level), verdict.at))


_LEVELS = ("fault", "warning", "info")
_COVERED = {
    "nobody_rang": ("no_response",), "gave_up_ringing": ("gave_up_waiting",), "next_route": (),
    "peer_status": (
        "wrong_password_there", "codecs_refused", "next_route", "busy", "refused", "number_unknown", "no_channel",
        "extension_required",
    ),
    "ended_with": ("no_answer", "number_unknown", "unreachable", "busy"),
    "no_answer": ("no_response",),
    "stopped": ("no_packets",),
}  # fmt: skip
"""Rules that say nothing more once one of these has spoken about the same party (of the call: about anybody)."""


def _outdone(verdict: Verdict, found: dict[tuple[str, str], Verdict]) -> bool:
    others = _COVERED.get(verdict.rule, ())
    anywhere = {rule for rule, _ in found} if verdict.rule == "ended_with" else set()
    return any((other, verdict.party) in found or other in anywhere for other in others)


def _said(rule: Rule, case: Case) -> Verdict:
    zh, en = spoken(case.party)
    values = dict(case.values)
    text = Text(rule.zh.format(party=zh, **_in(values, 0)), _capital(rule.en.format(party=en, **_in(values, 1))))
    advice = Text(
        rule.advice_zh.format(party=zh, **_in(values, 0)), _capital(rule.advice_en.format(party=en, **_in(values, 1)))
    )
    return Verdict(rule.name, rule.level, case.at, case.party.id, text, advice)


def _in(values: dict[str, object], language: int) -> dict[str, object]:
    return {name: value[language] if isinstance(value, Text) else value for name, value in values.items()}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_R = Rule
RULES: tuple[Rule, ...] = (
    # media
    _R("wrong_codec", "fault", rules_media.one_way("codec"),
       "{party}应答的编码是 {agreed}，实际发送的是 {detail}", "{party} answers {agreed} but sends {detail}",
       "在该侧固定编码为 {agreed}，或在它的配置中允许 {detail}",
       "fix the codec of that side to {agreed}, or allow {detail} in its profile"),
    _R("no_packets", "fault", rules_media.one_way("no_packets"),
       "没有收到来自{party}的任何语音包", "no packets came from {party}",
       "检查 NAT、防火墙和它通告的媒体地址 {address}", "check NAT, firewalls and the media address that it told: {address}"),
    _R("stopped", "fault", rules_media.one_way("stopped"),
       "{party}的语音包中断", "the packets of {party} ceased",
       "检查该侧的网络；也可能是静音检测或已离线", "check its network; it may use silence suppression or be gone"),
    _R("keys", "fault", rules_media.one_way("keys"),
       "{party}的加密媒体无法解密，密钥不符", "the encrypted sound of {party} cannot be read: the keys do not fit",
       "检查两侧的 SRTP 策略", "check the SRTP policy of both sides"),
    _R("other_address", "fault", rules_media.one_way("source"),
       "{party}从未协商的地址 {detail} 发送语音", "{party} sends from an address that was not agreed: {detail}",
       "检查该侧的 NAT 或媒体代理", "check its NAT or media proxy"),
    _R("no_path", "fault", rules_media.one_way("no_path"),
       "{party}与交换机之间没有可用的媒体路径（ICE 失败）", "ICE found no way between {party} and the switch",
       "开放媒体端口，或配置 TURN 服务器（media.turn）", "open the media ports, or set up a TURN server (media.turn)"),
    _R("handshake", "fault", rules_media.one_way("handshake"),
       "与{party}的 DTLS 握手没有完成", "the DTLS handshake with {party} did not end",
       "检查 UDP 是否被阻断，证书指纹是否一致", "check whether UDP is blocked and the fingerprints agree"),
    _R("poor_sound", "warning", rules_media.poor_sound,
       "{party}的话音质量差：MOS {mos}，丢包 {loss}%，抖动 {jitter} 毫秒",
       "{party} was heard badly: MOS {mos}, {loss} % lost, jitter {jitter} ms",
       "检查该侧的网络线路", "check the network of that side"),
    _R("not_as_signalled", "warning", rules_media.not_as_signalled,
       "{party}从通告以外的地址发送语音，已自动跟随", "{party} sends from another address than it told; the switch followed",
       "通常是 NAT，无需处理", "usually NAT; nothing to do"),
    _R("private_address", "warning", rules_media.private_address,
       "{party}通告了私有媒体地址 {address}，而信令来自 {source}",
       "{party} told a private media address, {address}, but signals from {source}",
       "在该侧配置公网地址或 STUN", "give it its public address, or STUN"),
    _R("left_on_hold", "warning", rules_media.left_on_hold,
       "通话结束时仍处于保持状态", "the call ended while it was on hold"),
    # what peers answered
    _R("codecs_refused", "fault", rules_wire.codecs_refused,
       "{party}拒绝了提供的编码（{offered}）", "{party} refused the codecs that were offered ({offered})",
       "为该侧启用它支持的编码", "offer a codec that it knows"),
    _R("no_common_codec", "fault", rules_wire.codecs_refused_by_us,
       "{party}只提供了交换机不接受的编码（{offered}）", "{party} offered only codecs that are not allowed here ({offered})",
       "在它的配置中启用其中一种编码", "allow one of them in its profile"),
    _R("wrong_password_there", "fault", rules_wire.wrong_password_there,
       "{party}不接受我们的用户名或密码（{status}）", "{party} does not accept our user name or password ({status})",
       "检查该中继的登录信息", "check the login of this trunk"),
    _R("wrong_password", "fault", rules_wire.wrong_password_here,
       "{party}的密码错误", "{party} sent a wrong password",
       "检查话机中的密码", "check the password in the device"),
    _R("next_route", "warning", rules_wire.next_route,
       "{party}应答 {status}，已改走下一条路由", "{party} answered {status}, the next route was tried"),
    _R("no_response", "fault", rules_wire.no_response,
       "{party}在 {seconds} 秒内没有任何应答", "{party} answered nothing within {seconds} s",
       "检查地址 {address}、防火墙，以及对端是否在线", "check the address {address}, firewalls, and whether it is up"),
    _R("nobody_rang", "fault", rules_wire.nobody_rang,
       "{party}在 {seconds} 秒内没有振铃（无 180）", "{party} did not ring within {seconds} s (no 180)",
       "对端收到了呼叫但没有接续，请联系对端", "it has the call but does not go on; ask its operator"),
    _R("busy", "info", rules_wire.answered(486, 600), "{party}忙", "{party} is busy"),
    _R("refused", "info", rules_wire.answered(603, 607, 608), "{party}拒接", "{party} refused the call"),
    _R("number_unknown", "fault", rules_wire.answered(404, 410, 484, 604),
       "{party}不认识号码 {number}（{status}）", "{party} does not know the number {number} ({status})",
       "检查号码格式与改写规则", "check the form of the number and the rewriting rules"),
    _R("no_channel", "fault", rules_wire.answered(503),
       "{party}没有空闲线路或暂停服务（503）",
       "{party} has no free channel or is out of service (503)"),
    _R("extension_required", "fault", rules_wire.answered(420, 421, 494),
       "{party}要求本端未启用的功能：{detail}", "{party} asks for what is not enabled here: {detail}",
       "检查它的配置（100rel、timer 等）", "check its profile (100rel, timer …)"),
    _R("redirected", "warning", rules_wire.answered(300, 301, 302, 305, 380),
       "{party}要求改拨其他地址（{status}）", "{party} asks to call somewhere else ({status})"),
    _R("peer_status", "fault", rules_wire.other_refusal,
       "{party}应答 {status} {detail}", "{party} answered {status} {detail}"),
    # what happened on the wire
    _R("no_ack", "fault", rules_wire.no_ack,
       "{party}没有确认应答（缺少 ACK）", "{party} never confirmed our answer (no ACK)",
       "检查我们写入 Contact 的地址（sip.advertise）能否从对端到达",
       "check that the address in our Contact (sip.advertise) can be reached from there"),
    _R("repeats", "warning", rules_wire.repeats,
       "与{party}之间的消息重发了 {count} 次，线路丢包或对端迟缓",
       "{count} messages to or from {party} were repeated: packets are lost, or it is slow"),
    # how it ended
    _R("no_route", "fault", rules_call.no_route,
       "号码 {number} 没有可用的路由", "no route leads to {number}",
       "检查号码、路由和权限", "check numbers, routes and rights"),
    _R("unreachable", "fault", rules_call.unreachable,
       "被叫未登录，无法呼叫", "whoever was called is not registered or signed in"),
    _R("no_answer", "info", rules_call.no_answer,
       "{party}振铃 {seconds} 秒无人接听", "{party} rang for {seconds} s and nobody answered"),
    _R("gave_up_ringing", "info", rules_call.gave_up_ringing,
       "主叫在振铃 {seconds} 秒后挂机", "the caller hung up after {seconds} s of ringing"),
    _R("gave_up_waiting", "info", rules_call.gave_up_waiting,
       "主叫在队列 {queue} 等待 {seconds} 秒后挂机", "the caller hung up after waiting {seconds} s in {queue}"),
    _R("loop", "fault", rules_call.ended(Cause.LOOP, Cause.TOO_MANY_HOPS),
       "呼叫形成环路，已中止", "the call went in a circle and was stopped", "检查转移设置", "check forwarding"),
    _R("cut_off", "fault", rules_call.ended(Cause.TIMEOUT, Cause.MEDIA_FAILURE, Cause.NODE_LOST),
       "通话被中断：{detail}", "the call was cut off: {detail}"),
    _R("stopped_by_us", "info", rules_call.ended(Cause.SUPERVISOR, Cause.SHUTDOWN, Cause.MAX_DURATION),
       "交换机结束了通话：{detail}", "the switch ended the call: {detail}"),
    _R("talked", "info", rules_call.talked,
       "通话正常，持续 {seconds} 秒，由{who}挂机", "they talked for {seconds} s; {who} hung up"),
    _R("ended_with", "info", rules_call.otherwise, "呼叫未接通：{detail}", "not connected: {detail}"),
)  # fmt: skip
"""The one table; tests go through it row by row."""

"""What rules hand over: a case with the values of its sentence, and parties in words of both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from softswitch.model.cause import Cause
from softswitch.trace.ladder import Party


class Text(NamedTuple):
    zh: str
    en: str


class Case(NamedTuple):
    """Found at a time, about a party; values may be `Text`, which is taken in the language of the sentence."""

    at: float
    party: Party
    values: Mapping[str, object]


_SPOKEN = {
    "trunk": Text("中继 {}", "trunk {}"),
    "extension": Text("分机 {}", "extension {}"),
    "agent": Text("座席 {} 的设备", "the device of agent {}"),
    "outside": Text("号码 {}", "number {}"),
    "peer": Text("{}", "{}"),
    "switch": Text("交换机", "the switch"),
}


def spoken(party: Party) -> Text:
    """The party as the subject of a sentence."""
    if party.kind in ("browser", "widget"):
        if party.role == "callee":
            return Text(f"座席 {party.name} 的浏览器", f"the browser of agent {party.name}")
        return Text("来电网页", "the caller's web page")
    if party.kind == "peer" and not party.name:
        return Text("主叫", "the caller")
    zh, en = _SPOKEN.get(party.kind, _SPOKEN["peer"])
    return Text(zh.format(party.name), en.format(party.name))


WHO = {
    "caller": Text("主叫", "the caller"), "callee": Text("被叫", "the called party"), "agent": Text("座席", "the agent"),
    "supervisor": Text("班长", "a supervisor"), "system": Text("交换机", "the switch"),
}  # fmt: skip
_CAUSES = {
    Cause.NORMAL: "正常结束", Cause.CANCELLED: "主叫放弃", Cause.ANSWERED_ELSEWHERE: "其他话机已接听",
    Cause.UNALLOCATED: "空号",
    Cause.NO_ROUTE: "没有路由", Cause.BUSY: "被叫忙", Cause.NO_USER_RESPONSE: "被叫设备无响应", Cause.NO_ANSWER: "无人接听",
    Cause.UNREACHABLE: "被叫未登录", Cause.REJECTED: "被叫拒接", Cause.FORBIDDEN: "不允许此呼叫",
    Cause.NUMBER_CHANGED: "号码已改", Cause.DO_NOT_DISTURB: "被叫已设置免打扰", Cause.ANONYMOUS: "被叫不接匿名来电",
    Cause.INVALID_NUMBER: "号码不完整或无效", Cause.LOOP: "呼叫环路", Cause.TOO_MANY_HOPS: "经过的交换机太多",
    Cause.CONGESTION: "没有空闲线路", Cause.NETWORK_FAILURE: "网络故障", Cause.TEMPORARY_FAILURE: "临时故障",
    Cause.MEDIA_FAILURE: "媒体无法建立", Cause.INCOMPATIBLE: "双方没有共同编码", Cause.TIMEOUT: "对端停止应答",
    Cause.FLOW_ERROR: "流程出错", Cause.MAX_DURATION: "达到最长通话时间", Cause.SUPERVISOR: "班长结束了通话",
    Cause.SHUTDOWN: "交换机正在关闭", Cause.NODE_LOST: "交换机在通话中停止",
}  # fmt: skip


def cause_text(word: str) -> Text:
    """A cause in words, the word itself when it is none of ours."""
    try:
        cause = Cause.from_word(word)
    except KeyError:
        return Text(word, word)
    return Text(_CAUSES[cause], cause.sentence[:1].lower() + cause.sentence[1:])


def seconds(value: float) -> str:
    """For people: tenths below ten, whole above."""
    return f"{max(0.0, value):.1f}".removesuffix(".0") if value < 10 else str(round(value))

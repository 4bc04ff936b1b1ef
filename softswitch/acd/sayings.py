"""The sentences of `explain`, in Chinese and English. A name and its values become one sentence in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    zh: str
    en: str


def say(what: str, **values: object) -> Sentence:
    """An unknown name is said as it is: a timeline of a later release must still be readable."""
    zh, en = SENTENCES.get(what, (f"{what}。", f"{what}."))
    groups = values.pop("groups", ())
    if isinstance(groups, list):
        values["groups_zh"] = "，".join(f"{word(str(why), 'zh')} {count} 人" for why, count in groups)
        values["groups_en"] = ", ".join(f"{count} {word(str(why), 'en')}" for why, count in groups)
    known = {"to_zh": _onward(values, "zh"), "to_en": _onward(values, "en"), **_words(values), **values}
    return Sentence(zh.format_map(_Blank(known)), en.format_map(_Blank(known)))


class _Blank(dict[str, object]):
    """A value that a sentence lacks is left out."""

    def __missing__(self, key: str) -> str:
        return ""


def word(text: str, language: str) -> str:
    """A reason or result in words."""
    zh, en = WORDS.get(text, (text, text.replace("_", " ")))
    return zh if language == "zh" else en


def _words(values: Mapping[str, object]) -> dict[str, object]:
    return {
        f"{name}_{language}": word(str(values.get(name, "")), language)
        for name in ("why", "reason", "strategy", "rule", "result")
        for language in ("zh", "en")
    }  # fmt: skip


def _onward(values: Mapping[str, object], language: str) -> str:
    to = values.get("to")
    if not to:
        return ""
    return f"，转至 {to}" if language == "zh" else f" and went on to {to}"


SENTENCES: Mapping[str, tuple[str, str]] = {
    "entered": (
        "进入队列 {queue}，排在第 {position} 位，重要度 {importance}。",
        "Joined queue {queue} at place {position} with importance {importance}.",
    ),
    "needs": ("需要的技能：{needs}。", "Skills asked for: {needs}."),
    "kept": (
        "从 {seconds} 秒前首次排队时算起，保留原来的位置。",
        "It kept the place of its first wait, which began {seconds} s before.",
    ),
    "held": ("先为熟悉的座席 {agent} 保留。", "It was held at first for agent {agent}, who knows the caller."),
    "endless": ("当时没有座席在岗，无法预计等待时间。", "Nobody was on duty: no wait could be predicted."),
    "predicted": ("预计等待 {seconds} 秒。", "The predicted wait was {seconds} s."),
    "nobody_free": (
        "前 {seconds} 秒内没有可以接听的座席，或轮到排在前面的来电。",
        "For the first {seconds} s no agent who may take it was free, or calls ahead of it were served.",
    ),
    "relaxed": (
        "等待 {after} 秒后进入第 {stage} 级放宽，更多座席可以接听。",
        "After {after} s relaxation stage {stage} was reached: more agents may take it.",
    ),
    "rekeyed": ("等待 {after} 秒时调整了位置：{why_zh}。", "After {after} s its place changed: {why_en}."),
    "keys": ("等待 {after} 秒时提示了可用的按键。", "After {after} s the caller was told which keys lead out of the queue."),
    "chosen": (
        "等待 {after} 秒时选中座席 {agent}：规则“{rule_zh}”，策略“{strategy_zh}”，可选座席 {ready} 人，排序值 {key}。",
        'After {after} s agent {agent} was chosen: rule "{rule_en}", strategy "{strategy_en}", {ready} to choose from, '
        "key {key}.",
    ),
    "excluded": ("未被考虑的座席：{groups_zh}。", "Not considered: {groups_en}."),
    "offer_answered": ("座席 {agent} 振铃 {seconds} 秒后接听。", "Agent {agent} answered after ringing for {seconds} s."),
    "offer_failed": (
        "座席 {agent} 未接听（{reason_zh}，振铃 {seconds} 秒），来电保留位置。",
        "Agent {agent} did not take it ({reason_en}, {seconds} s of ringing); the call kept its place.",
    ),
    "offer_withdrawn": (
        "对座席 {agent} 的呼叫被收回（{reason_zh}）。",
        "The offer to agent {agent} was taken back ({reason_en}).",
    ),
    "left_answered": ("共等待 {seconds} 秒。", "It waited {seconds} s in all."),
    "left_abandoned": ("主叫等待 {seconds} 秒后挂机。", "The caller hung up after {seconds} s."),
    "left_key": ("主叫按键退出{to_zh}。", "The caller left by a key{to_en}."),
    "left_mailbox": ("等待 {seconds} 秒后转入语音信箱{to_zh}。", "After {seconds} s the call went to voicemail{to_en}."),
    "left_timeout": ("等待 {seconds} 秒达到上限{to_zh}。", "It reached the longest wait after {seconds} s{to_en}."),
    "left_overflow": ("等待 {seconds} 秒后溢出（{why_zh}）{to_zh}。", "It overflowed after {seconds} s ({why_en}){to_en}."),
    "left_callback": ("等待 {seconds} 秒后改为回电，位置保留。", "After {seconds} s it became a callback; the place was kept."),
    "left_closed": ("等待 {seconds} 秒后队列不再服务（{why_zh}）{to_zh}。", "After {seconds} s the queue no longer served it "
                    "({why_en}){to_en}."),
    "left_supervisor": ("等待 {seconds} 秒后由班长取走。", "A supervisor took it out of the queue after {seconds} s."),
    "refused": ("未能进入队列：{why_zh}{to_zh}。", "It was not admitted to the queue: {why_en}{to_en}."),
}  # fmt: skip

WORDS: Mapping[str, tuple[str, str]] = {
    "": ("未说明", "no reason given"), "no_answer": ("无应答", "no answer"), "reject": ("拒接", "rejected"),
    "busy": ("忙", "busy"), "device": ("话机故障", "device failed"), "lost": ("连接中断", "connection lost"),
    "abandoned": ("主叫挂机", "the caller hung up"), "answered": ("其他座席已接听", "another agent answered"),
    "picked": ("被手动接取", "picked by hand"), "supervisor": ("班长操作", "supervisor"), "closed": ("队列关闭", "closed"),
    "full": ("队列已满", "full"), "empty": ("无座席", "no agents"), "emergency": ("应急开关", "emergency switch"),
    "listed": ("黑名单", "blacklist"), "identified": ("身份已识别", "the caller was identified"),
    "guard": ("等待过久", "it had waited very long"), "max_wait": ("等待上限", "longest wait"),
    "leave_empty": ("长时间无座席", "nobody signed in"), "wait": ("等待时间", "waiting time"),
    "ewt": ("预计等待过长", "predicted wait"), "length": ("排队人数", "queue length"),
    "ratio": ("人均排队数", "callers per agent"), "no_agents": ("无座席", "no agents"),
    "closing": ("临近下班", "closing time"), "between": ("时段", "time of day"), "logged_out": ("未签入", "signed out"),
    "not_ready": ("示忙", "not ready"), "talking": ("通话中", "talking"), "ringing": ("振铃中", "ringing"),
    "reserved": ("已预占", "reserved"), "wrap_up": ("话后处理", "in wrap-up"), "holding": ("保持中", "holding"),
    "not_responding": ("无应答置忙", "not responding"), "offline": ("离线", "offline"), "dialling": ("外拨中", "dialling"),
    "consulting": ("咨询中", "consulting"), "conference": ("会议中", "in a conference"),
    "preview": ("预览中", "previewing"), "failed this call": ("刚未接听此来电", "had just missed this call"),
    "delay": ("间隔时间未到", "in the pause after a missed call"), "skills": ("技能不足", "lacking skills"),
    "longest_idle": ("空闲最久", "longest idle"), "ring_all": ("群振", "ring all"),
    "fewest_calls": ("接听最少", "fewest calls"), "round_robin": ("轮循", "round robin"), "linear": ("顺序", "linear"),
    "priority": ("优先级", "priority"), "sticky:last": ("上次服务的座席", "the agent of last time"),
    "sticky:owner": ("工单所有者", "owner of the work order"), "sticky:dedicated": ("专属座席", "dedicated agent"),
    "fcfs": ("先到先服务", "first come, first served"),
}  # fmt: skip

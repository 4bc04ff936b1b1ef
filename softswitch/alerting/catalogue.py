"""What each alarm is called, its probable cause and what to do, in Chinese and English."""
# ruff: noqa: E501 - sentences stay whole

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Said(NamedTuple):
    zh: str
    en: str


class Entry(NamedTuple):
    title: Said
    cause: Said
    guide: Said


_SUPPORT = Said("查看日志;无法恢复时重启交换机。", "Look at the log; restart the switch when it does not come back.")
CATALOGUE: Mapping[str, Entry] = {
    "trunk_down": Entry(
        Said("中继中断", "Trunk down"),
        Said("运营商或线路不可达,或对方不应答探测。", "Carrier or line cannot be reached, or does not answer the probe."),
        Said("检查网络与防火墙;在中继页查看原因;必要时联系运营商。", "Check network and firewall; see the trunk's page; call the carrier."),
    ),
    "registration_lost": Entry(
        Said("中继注册丢失", "Registration lost"),
        Said("账号或密码被拒绝,或注册服务器不可达。", "Account or password refused, or the registrar cannot be reached."),
        Said("核对账号密码;检查网络。", "Check the account and its password; check the network."),
    ),
    "phone_lost": Entry(
        Said("座席话机离线", "Agent's phone gone"),
        Said("话机断电、断网或注册过期。", "The phone has no power or network, or its registration ended."),
        Said("检查话机;座席可改用浏览器。", "Check the phone; the agent may work by browser."),
    ),
    "account_guessed": Entry(
        Said("账号密码被猜测", "An account's password is being guessed"),
        Said("十分钟内来自多个地址的登录失败超过20次。", "More than 20 failed logins from many addresses in ten minutes."),
        Said("更换该分机密码;确认话机登录正常;必要时封禁来源。", "Change the password of the extension; see that its phone gets in; ban the sources if need be."),
    ),
    "toll_near": Entry(
        Said("国际通话分钟数或费用将用尽", "International minutes or money nearly used up"),
        Said("账号或中继今日国际通话或费用达到上限的80%。", "An account or trunk used 80 % of the international minutes or of the cost of a day."),
        Said("核对通话记录是否正常;如被盗用请更换密码。", "See in the records whether the calls are right; change the password if they are not."),
    ),
    "toll_blocked": Entry(
        Said("外呼被防盗打规则拒绝", "A call was refused as possible toll fraud"),
        Said("超出并发、频率、时段、分钟数限制,或被叫为高资费号码。", "Over a limit of calls, rate, hours or minutes, or a premium number."),
        Said("核对账号;确有需要时在tolls设置中放行。", "Check the account; allow it in the settings `tolls` where it is needed."),
    ),
    "toll_held": Entry(
        Said("首次呼叫的国家待批准", "A new country waits for approval"),
        Said("账号首次呼叫该国家,呼叫已被拦下。", "An account called this country for the first time; the call was refused."),
        Said("在防护页面批准或拒绝。", "Approve or refuse it on the page of the defence."),
    ),
    "queue_length": Entry(
        Said("排队过长", "Queue too long"),
        Said("来电多于座席能处理的数量。", "More calls than the agents can take."),
        Said("召集支援梯队;考虑应急公告。", "Call up the reserve; think of an emergency announcement."),
    ),
    "longest_wait": Entry(
        Said("等待过久", "Somebody waits too long"),
        Said("座席不足,或缺少所需技能。", "Too few agents, or none with the needed skills."),
        Said("增加座席或放宽技能要求。", "Add agents or relax the needs."),
    ),
    "service_level": Entry(
        Said("服务水平低于目标", "Service level below goal"),
        Said("最近15分钟座席不足。", "Too few agents in the last 15 minutes."),
        Said("召集支援梯队。", "Call up the reserve."),
    ),
    "offered_load": Entry(
        Said("话务量达到座席数", "Offered load reaches the agents"),
        Said("队列将不断增长。", "The queue will grow without end."),
        Said("立即增加座席或分流。", "Add agents or send calls elsewhere at once."),
    ),
    "not_responding": Entry(
        Said("座席无应答过多", "Too many agents do not respond"),
        Said("座席离开未示忙,或终端故障。", "Agents left without saying so, or devices fail."),
        Said("联系班长确认。", "Ask the team leader."),
    ),
    "recording_degraded": Entry(
        Said("录音受损", "Recordings lose audio"),
        Said("磁盘过慢或已满。", "The disk is too slow or full."),
        Said("释放磁盘空间;检查磁盘。", "Free disk space; check the disk."),
    ),
    "recording_missing": Entry(
        Said("录音缺失", "Recording missing"),
        Said("文件被删除或未写入。", "The file was deleted or never written."),
        Said("从备份恢复;检查访问权限。", "Restore it from the backup; check who may delete files."),
    ),
    "recording_damaged": Entry(
        Said("录音损坏", "Recording damaged"),
        Said("文件内容与校验值不符。", "The file is not what was written."),
        Said("从备份恢复;检查磁盘。", "Restore it from the backup; check the disk."),
    ),
    "recordings_faulty": Entry(
        Said("录音检查发现问题", "The check of recordings found faults"),
        Said("多个录音缺失或损坏。", "Several recordings are missing or damaged."),
        Said("查看录音检查报告。", "See the report of the check."),
    ),
    "siprec_down": Entry(
        Said("外部录音服务器不接收", "No recording server takes calls"),
        Said("录音服务器停机、拒绝或不可达;通话不受影响。", "The servers are down, refuse, or cannot be reached; calls go on unharmed."),
        Said("检查录音服务器及其中继地址。", "Check the recording servers and the addresses of their trunks."),
    ),
    "disk_forecast": Entry(
        Said("磁盘将满", "The disk will be full"),
        Said("录音增长超过可用空间。", "Recordings grow beyond the free space."),
        Said("扩容,或缩短保存天数。", "Add space, or keep recordings for fewer days."),
    ),
    "certificate": Entry(
        Said("证书即将到期", "Certificate ends soon"),
        Said(
            "监听端口、中继或号码签名（STIR）的证书未续期。",
            "The certificate of a listener, a trunk or the signed calling numbers (STIR) was not renewed.",
        ),
        Said("续期证书,无需重启。", "Renew the certificate; no restart is needed."),
    ),
    "journal_lag": Entry(
        Said("事件写入滞后", "Events are stored late"),
        Said("数据库过慢或不可用。", "The database is slow or away."),
        Said("检查数据库和磁盘。", "Check database and disk."),
    ),
    "journal_stalled": Entry(
        Said("事件无法写入", "Events cannot be stored"),
        Said("数据库不可用;通话继续,事件暂存内存。", "The database is away; calls go on, events wait in memory."),
        Said("恢复数据库。", "Bring the database back."),
    ),
    "journal_full": Entry(
        Said("事件丢失", "Events are lost"),
        Said("数据库中断过久。", "The database was away for too long."),
        Said("恢复数据库后重启。", "Bring the database back and restart."),
    ),
    "journal_refused": Entry(
        Said("事件被拒绝", "An event was refused"),
        Said("事件内容无法保存。", "The database cannot hold the event."),
        Said("把日志发给支持人员。", "Send the log to support."),
    ),
    "journal_stopped": Entry(
        Said("事件写入停止", "The journal stopped"), Said("内部故障。", "A fault inside."), Said("重启交换机。", "Restart the switch.")
    ),
    "task_ended": Entry(
        Said("后台服务停止", "A service ended"), Said("内部故障。", "A fault inside."), _SUPPORT
    ),
    "loop_lag": Entry(
        Said("处理延迟", "Processing is late"),
        Said("CPU过载。", "The processor has too much to do."),
        Said("减少负载或增加CPU。", "Less load or more processor."),
    ),
    "media_overload": Entry(
        Said("媒体过载", "Media overloaded"),
        Said("CPU不足,新呼叫被拒绝。", "Too little processor; new calls are refused."),
        Said("减少负载或增加CPU。", "Less load or more processor."),
    ),
    "mail_failed": Entry(
        Said("邮件无法发送", "Mail cannot be sent"),
        Said("邮件服务器不可达或拒绝账号。", "The mail server is away or refuses the account."),
        Said("检查 [mail] 设置。", "Check the settings [mail]."),
    ),
    "mail_lost": Entry(
        Said("邮件被放弃", "A mail was given up"),
        Said("收件地址不存在,或服务器长期不可用。", "The address does not exist, or the server was away for long."),
        Said("核对地址。", "Check the address."),
    ),
    "speech_failed": Entry(
        Said("语音合成失败", "Speech cannot be rendered"),
        Said("合成进程未安装、内存不足或响应过慢;来电者听到已录制的词语。", "The speech process is not installed, lacks memory or is too slow; callers hear the recorded words."),
        Said("检查 speech.engine、speech.voices 与扩展包 speech;预先试听文本。", "Check speech.engine, speech.voices and the extra speech; listen to the texts beforehand."),
    ),
    "audit_anchor": Entry(
        Said("审计锚点未写入", "Audit anchor not written"),
        Said("数据目录不可写。", "The data directory cannot be written."),
        Said("检查磁盘和权限。", "Check disk and permissions."),
    ),
    "report_not_sent": Entry(
        Said("定时报表未发送", "A scheduled report was not sent"),
        Said("邮件未设置,或报表出错。", "No mail server, or the report failed."),
        Said("检查定时报表和邮件设置。", "Check the schedule and the mail settings."),
    ),
    "reserve_proposed": Entry(
        Said("建议召集支援梯队", "Call up the reserve"),
        Said("话务超过预测或服务水平不足。", "More calls than forecast, or the service level is too low."),
        Said("在支援页确认召集;考虑应急公告。", "Confirm on the reserve page; think of an emergency announcement."),
    ),
    "reserve_exhausted": Entry(
        Said("支援梯队已用尽", "The reserve is used up"),
        Said("四个梯队均已召集。", "All tiers were called."),
        Said("发布应急公告;分流来电。", "Put an emergency announcement on; send calls elsewhere."),
    ),
}  # fmt: skip


def entry_of(code: str) -> Entry:
    """Of a code that is not here: the code itself, and the log."""
    found = CATALOGUE.get(code)
    return found or Entry(Said(code, code), Said("", ""), _SUPPORT)

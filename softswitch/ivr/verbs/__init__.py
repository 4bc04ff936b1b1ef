"""The verbs of flows: one file each, one row each here, and those that this release refuses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from softswitch.ivr.verbs import (
    announce_slot,
    answer,
    auth_pin,
    callback_offer,
    collect,
    conference,
    context,
    goto,
    hangup,
    if_,
    importance,
    label,
    leave_queue,
    list_check,
    log,
    lookup,
    loop,
    menu,
    moh,
    need,
    park,
    play,
    queue,
    queue_info,
    record,
    record_control,
    return_,
    say,
    secure_collect,
    set,
    set_pin,
    subflow,
    survey,
    switch,
    tag,
    time_check,
    transfer,
    voicemail,
    wait,
)
from softswitch.ivr.verbs.base import Verb

VERBS: Mapping[str, Verb[Any]] = MappingProxyType(
    {
        "answer": answer.VERB,
        "hangup": hangup.VERB,
        "wait": wait.VERB,
        "goto": goto.VERB,
        "subflow": subflow.VERB,
        "return": return_.VERB,
        "label": label.VERB,
        "log": log.VERB,
        "play": play.VERB,
        "say": say.VERB,
        "moh": moh.VERB,
        "menu": menu.VERB,
        "collect": collect.VERB,
        "record": record.VERB,
        "set": set.VERB,
        "if": if_.VERB,
        "switch": switch.VERB,
        "loop": loop.VERB,
        "time_check": time_check.VERB,
        "list_check": list_check.VERB,
        "lookup": lookup.VERB,
        "auth_pin": auth_pin.VERB,
        "set_pin": set_pin.VERB,
        "queue": queue.VERB,
        "queue_info": queue_info.VERB,
        "callback_offer": callback_offer.VERB,
        "leave_queue": leave_queue.VERB,
        "transfer": transfer.VERB,
        "conference": conference.VERB,
        "park": park.VERB,
        "voicemail": voicemail.VERB,
        "importance": importance.VERB,
        "need": need.VERB,
        "tag": tag.VERB,
        "context": context.VERB,
        "announce_slot": announce_slot.VERB,
        "record_control": record_control.VERB,
        "secure_collect": secure_collect.VERB,
        "survey": survey.VERB,
    }
)

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "bot": "there are no bot workers",
        "consult": "agents consult, flows transfer",
        "email": "flows send no mail; a mailbox does",
        "fax_receive": "there is no fax",
        "fax_send": "there is no fax",
        "notify_confirm": "there are no mass notifications",
        "order_create": "there are no work orders",
        "order_query": "there are no work orders",
        "sms": "there are no text messages",
        "speech": "there is no speech recognition; a menu with keys does the same",
        "stream": "the media engine has no audio streams",
        "transact": "there are no back-end transactions; look-ups read only",
    }
)
"""Verbs of the specification that this release does not have, and why; a flow with one is refused, never cut short."""

"""Feature codes: what a phone dials for a function. Pure: the shipped table, overrides, and what a dialled text means.

A code is written like a number pattern: `X` is a digit, `N` 2 to 9, `*` at the end any rest, which is the code's argument;
every other sign stands for itself, a leading `*` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from softswitch.directory.centre import FeatureCode

SHIPPED: Mapping[str, str] = {
    "park": "*2", "park_code": "*68", "park_number": "700", "park_at": "*27XX", "unpark": "7XX",
    "pickup_group": "*8", "pickup": "***",
    "sign_in": "*50", "not_ready": "*51", "ready": "*52", "sign_out": "*53", "sign_in_as": "*54*", "wrap_up_done": "*55",
    "intercom": "*80*", "page": "*85*", "voicemail": "*98",
    "listen": "*81*", "whisper": "*82*", "barge": "*83*", "take_over": "*84*",
}  # fmt: skip
"""Action → code. `unpark` is a slot's own number; `pickup` is `**` and the extension; supervision ends in the agent's."""
COMMON: Mapping[str, str] = {
    "pickup_at": "*8**",
    "conference": "*3",
    "conference_with": "*3**",
    "conference_address": "conf",
    "short_dial": "**X",
    "short_dial_2": "**XX",
}
_CN = {"forward_always": "57", "forward_busy": "40", "forward_no_answer": "41", "forward_unreachable": "42", "hotline": "52",
       "wake_up": "55"}  # fmt: skip
PLANS: Mapping[str, Mapping[str, str]] = {
    "cn": {
        **{action: f"*{digits}**" for action, digits in _CN.items()},
        **{f"{action}_off": f"#{digits}#" for action, digits in _CN.items()},
        **{f"{action}_ask": f"*#{digits}#" for action, digits in _CN.items()},
        "dnd": "*56#", "dnd_off": "#56#", "dnd_ask": "*#56#", "waiting": "*58#", "waiting_off": "#58#",
        "waiting_ask": "*#58#", "anonymous": "*77#", "anonymous_off": "#77#", "anonymous_ask": "*#77#", "trace": "*33#",
        "forward_rules": "*44#", "forward_rules_off": "#44#", "forward_rules_ask": "*#44#", "call_back": "*59#",
        "call_back_off": "#59#", "call_back_ask": "*#59#",
        "short": "*51**", "short_off": "#51**", "lock": "*54**", "unlock": "#54**",
    },
    "intl": {
        "forward_always": "*72*", "forward_always_off": "*73", "forward_busy": "*90*", "forward_busy_off": "*91",
        "forward_no_answer": "*92*", "forward_no_answer_off": "*93", "forward_unreachable": "*94*",
        "forward_unreachable_off": "*95", "dnd": "*78", "dnd_off": "*79", "waiting": "*43", "waiting_off": "*44",
        "anonymous": "*77", "anonymous_off": "*87", "trace": "*57", "short": "*75*", "wake_up": "*61*",
        "wake_up_off": "*62", "lock": "*34*", "unlock": "*35*", "hotline": "*76*", "hotline_off": "*86", "voicemail": "*97",
        "call_back": "*66", "call_back_off": "#66", "forward_rules": "*88", "forward_rules_off": "*89",
    },
}  # fmt: skip
"""Services of the person, as public networks have them: `cn` (`*57*N#` on, `#57#` off, `*#57#` asks) or `intl`. A code that
ends in `**` has a star in front of what follows; the closing `#` may be left out."""


@dataclass(frozen=True, slots=True)
class Code:
    """A dialled code: what is wanted, and what was dialled after its fixed part."""

    action: str
    argument: str = ""


class CodeBook:
    """The codes in force. An override replaces the shipped code of the same action; an empty code switches it off."""

    def __init__(self, overrides: Iterable[FeatureCode] = (), plan: str = "cn") -> None:
        codes = {**SHIPPED, **COMMON, **PLANS[plan], **{entry.action: entry.code for entry in overrides}}
        self.codes: Mapping[str, str] = {action: code for action, code in codes.items() if code}
        patterns = sorted(self.codes.items(), key=lambda item: (item[1].endswith("*") and len(item[1]) > 1, -len(item[1])))
        self._patterns = [(action, _compiled(code)) for action, code in patterns]

    def read(self, dialled: str) -> Code | None:
        """What a dialled text means; None when it is no code. Exact codes go before those with an argument."""
        for action, pattern in self._patterns:
            if found := pattern.fullmatch(dialled):
                return Code(action, found["rest"] or "")
        for action, pattern in self._patterns if dialled[:1] in ("*", "#") else ():
            if (found := pattern.fullmatch(f"{dialled}#")) and not found["rest"]:
                return Code(action)  # the hash is what the phone dials with
        return None

    def is_code(self, dialled: str) -> bool:
        """Whether it is a code that no declared number can be: one that begins with a star or a hash."""
        return dialled[:1] in ("*", "#") and self.read(dialled) is not None


_SIGNS = {"X": "[0-9]", "N": "[2-9]"}


def _compiled(code: str) -> re.Pattern[str]:
    open_end = len(code) > 1 and code.endswith("*")
    body = code[:-1] if open_end else code
    fixed = re.match(r"[^XN]*", body)
    head = fixed[0] if fixed is not None else ""
    tail = "".join(_SIGNS.get(sign, re.escape(sign)) for sign in body[len(head) :])
    return re.compile(re.escape(head) + f"(?P<rest>{tail}{'[0-9*#]+' if open_end else ''})")

"""Steps of SIPp scenarios one by one, for what a well-behaved caller or phone (`sipp.Caller`) does not do."""

from __future__ import annotations

from tests.support.sipp import OFFER

BODY = OFFER.format(formats="0 101", direction="sendrecv")
HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]D[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{to}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:13800138000@[local_ip]:[local_port]>
Max-Forwards: 70
"""


def send(method: str, cseq: int, headers: str = "", body: str = "", *, inside: bool = True) -> str:
    """One request of the caller, as the element of a scenario."""
    head = HEAD.format(to="[peer_tag_param]" if inside else "", cseq=cseq, method=method)
    target = "[next_url]" if inside else "sip:[service]@[remote_ip]:[remote_port]"
    tail = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    return f"<send><![CDATA[\n{method} {target} SIP/2.0\n{head}{headers}{tail}]]></send>"


def expect(code: int, *, optional: bool = False, action: str = "") -> str:
    extra = ' optional="true"' if optional else ' timeout="5000"'
    return f'<recv response="{code}"{extra} rrs="true">{action}</recv>'


def scenario(*steps: str) -> str:
    return '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="dialogs">\n' + "\n".join(steps) + "\n</scenario>\n"


def has(header: str, pattern: str, name: str = "1") -> str:
    """The header must match; what matches is kept under a name."""
    return f'<action><ereg regexp="{pattern}" search_in="hdr" header="{header}" check_it="true" assign_to="{name}"/></action>'


PLAIN = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n"
OK = f"<send><![CDATA[\nSIP/2.0 200 OK\n{PLAIN}]]></send>"

"""SIP messages as values: split once, headers parsed when asked, written in one canonical form."""

from signalling.message.body import sdp_part
from signalling.message.framing import Framer
from signalling.message.headers import CSeq, NameAddr, Via, parse_name_addr, parse_via
from signalling.message.message import BadRequest, Message, Request, Response
from signalling.message.parser import parse
from signalling.message.text import presentable
from signalling.message.uri import Uri, parse_uri, same_uri
from signalling.message.writer import Outgoing, ResponseTemplate, reason_phrase

__all__ = [
    "BadRequest",
    "CSeq",
    "Framer",
    "Message",
    "NameAddr",
    "Outgoing",
    "Request",
    "Response",
    "ResponseTemplate",
    "Uri",
    "Via",
    "parse",
    "parse_name_addr",
    "parse_uri",
    "parse_via",
    "presentable",
    "reason_phrase",
    "same_uri",
    "sdp_part",
]

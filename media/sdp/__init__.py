"""Session descriptions (RFC 8866): a lossless model, a tolerant bounded parser and a canonical writer.

Unknown lines and attributes survive a round trip in their places; only line ends and blank lines are normalised.
"""

from media.sdp.attributes import (
    Connection,
    Crypto,
    RtpMap,
    candidates,
    connection,
    crypto,
    direction,
    fingerprint,
    ice_credentials,
    is_unspecified,
    packet_time,
    rtcp_address,
    rtpmap,
)
from media.sdp.model import Description, Line, Media, Section
from media.sdp.parser import MAX_ATTRIBUTES, MAX_LINE, MAX_LINES, MAX_MEDIA, parse
from media.sdp.writer import write

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_LINE",
    "MAX_LINES",
    "MAX_MEDIA",
    "Connection",
    "Crypto",
    "Description",
    "Line",
    "Media",
    "RtpMap",
    "Section",
    "candidates",
    "connection",
    "crypto",
    "direction",
    "fingerprint",
    "ice_credentials",
    "is_unspecified",
    "packet_time",
    "parse",
    "rtcp_address",
    "rtpmap",
    "write",
]

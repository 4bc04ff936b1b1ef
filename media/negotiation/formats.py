"""Format parameters of codecs that have some to be agreed on: G.729 (RFC 4856), AMR (RFC 4867), iLBC (RFC 3952).

A parameter string is brought to the few words that matter, so that two that mean the same are the same; the engine is told
these.
"""

from __future__ import annotations

_REFUSED_OF_AMR = ("crc", "robust-sorting", "interleaving")
"""Forms of AMR payloads that the engine does not take apart."""

SPARES = "usedtx=1"
"""Tells the engine that silence need not be sent; the word is that of Opus (RFC 7587 §6.1)."""


def agreed(name: str, theirs: str, *, silence: bool) -> str | None:
    """What is in force when a peer describes codec `name` by `theirs`; None when that cannot be done.

    `silence`: both sides may leave silence out (Annex B, DTX).
    """
    given = _parameters(theirs)
    if name == "G729":
        spares = silence and given.get("annexb", "yes") != "no"
        return f"annexb=yes;{SPARES}" if spares else "annexb=no"
    if name == "ILBC":
        mode = given.get("mode", "30")
        return f"mode={mode}" if mode in {"20", "30"} else None
    if name in {"AMR", "AMR-WB"}:
        if any(given.get(word, "0") != "0" for word in _REFUSED_OF_AMR) or given.get("channels", "1") != "1":
            return None
        kept = [f"{word}={given[word]}" for word in ("octet-align", "mode-set") if given.get(word, "0") not in {"0", ""}]
        if given.get("mode-set") == "0":
            kept.append("mode-set=0")
        return ";".join([*kept, SPARES] if silence else kept)
    return theirs


def met(name: str, ours: str, theirs: str) -> str | None:
    """What is in force after an answer: `ours` is what we offered."""
    result = agreed(name, theirs, silence=name == "G729" and "annexb=yes" in ours)
    if name == "ILBC" and result is not None and "mode=30" in (_mode(ours), result):
        return "mode=30"  # RFC 3952 §5: the lower rate wins
    return result


def offered(name: str, usual: str, *, silence: bool) -> str:
    """What our own offer says; `usual` stands in the codec table."""
    return "annexb=yes" if name == "G729" and silence else usual


def written(agreement: str) -> str:
    """The value of `a=fmtp` for parameters that are in force."""
    return ";".join(word for word in agreement.split(";") if word != SPARES)


def _mode(fmtp: str) -> str:
    return f"mode={_parameters(fmtp).get('mode', '30')}"


def _parameters(fmtp: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in fmtp.replace(" ", "").lower().split(";"))
    return {name: value for name, _, value in pairs if name}

"""Signed calling numbers as the settings want them."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from softswitch.config.settings import StirSettings
from softswitch.model.clock import Clock
from softswitch.trunks.credentials import Chains, fetch, read_signer
from softswitch.trunks.stir import Stir


def stir_as_set(settings: StirSettings, clock: Clock) -> Stir:
    """Raises OSError with the setting whose file cannot be used."""
    kept = {}
    for entry in settings.chains:
        url, _, path = entry.rpartition("=")
        kept[url] = tuple(_certificates("stir.chains", path))
    anchors = _certificates("stir.anchors", settings.anchors) if settings.anchors else []
    try:
        signer = read_signer(settings.certificate, settings.url) if settings.certificate else None
    except (OSError, ValueError, TypeError) as fault:
        raise OSError(f"stir.certificate: {fault}") from fault
    return Stir(clock, Chains(kept, fetch if settings.fetch else None, clock.now), anchors, signer)


def _certificates(setting: str, path: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as fault:
        raise OSError(f"{setting}: {path}: {fault}") from fault

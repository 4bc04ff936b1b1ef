"""A headless Chromium with a fake microphone, one window per person."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.audio import Samples, at_rate, read_wav, write_wav

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip

# Collects what the page's <audio> elements play, as 32-bit floats at 8 kHz, without touching the page's own code.
LISTEN = """() => {
  if (window.__ear) return;
  const context = new AudioContext({sampleRate: 8000});
  const ear = window.__ear = {chunks: [], context, streams: new Set()};
  const node = context.createScriptProcessor(1024, 1, 1);
  node.onaudioprocess = e => ear.chunks.push(new Float32Array(e.inputBuffer.getChannelData(0)));
  node.connect(context.destination);
  setInterval(() => document.querySelectorAll('audio').forEach(element => {
    const stream = element.srcObject;
    if (stream && stream.getAudioTracks().length && !ear.streams.has(stream)) {
      ear.streams.add(stream);
      context.createMediaStreamSource(stream).connect(node);
    }
  }), 50);
}"""
HEARD = """() => {
  const chunks = window.__ear ? window.__ear.chunks : [];
  const all = new Float32Array(chunks.length * 1024);
  chunks.forEach((chunk, i) => all.set(chunk, i * 1024));
  let text = '';
  const bytes = new Uint8Array(all.buffer);
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


@contextmanager
def chromium(microphone: Path | None = None) -> Iterator[Browser]:
    """`microphone`: a WAV that the fake microphone plays in a loop."""
    flags = [*FLAGS, *([f"--use-file-for-fake-audio-capture={microphone}"] if microphone else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        try:
            yield browser
        finally:
            browser.close()


def window(browser: Browser, language: str = "en-US", size: tuple[int, int] = (1366, 768)) -> BrowserContext:
    """A person's own cookies and storage."""
    context = browser.new_context(
        locale=language, viewport={"width": size[0], "height": size[1]}, permissions=["microphone"], service_workers="block"
    )
    context.set_default_timeout(15_000)
    return context


def microphone_file(voice: Path, folder: Path) -> tuple[Path, Samples]:
    """The voice as a 48 kHz file for the fake microphone, and its samples at 8 kHz."""
    rate, (samples,) = read_wav(voice)
    file = folder / "microphone.wav"
    write_wav(file, 48_000, at_rate(samples, rate, 48_000))
    return file, at_rate(samples, rate, 8000)


def listen(page: Page) -> None:
    page.evaluate(LISTEN)


def heard(page: Page) -> Samples:
    """Everything that the page played since `listen`, 8 kHz."""
    return np.frombuffer(base64.b64decode(page.evaluate(HEARD)), "<f4").astype(np.float64)

"""The demo as its newcomer starts it, and tabs of people whose microphones are tones, so that ears can tell who speaks."""

from __future__ import annotations

import base64
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.support.audio import Samples, heard_tones, rms_db
from tests.support.switch import COMMAND, Switch, wait_for

OUTPUT = Path(__file__).parents[1] / "output"
TONES = {"customer": 440.0, "agent": 1000.0, "supervisor": 1700.0}
RATE = 8000
_CHUNK = 1024

_TONE_MICROPHONE = """(() => {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const tone = new OscillatorNode(context, {frequency: HERTZ});
    const level = new GainNode(context, {gain: 0.25});
    const line = new MediaStreamAudioDestinationNode(context, {channelCount: 1});
    tone.connect(level).connect(line);
    tone.start();
    return line.stream;
  };
})()"""

# Hears what the <audio> elements play, those of the widget's shadow root included; keeps the last 20 s.
_EAR = """(() => {
  const context = new AudioContext({sampleRate: 8000});
  const ear = window.__hearing = {chunks: []};
  const node = context.createScriptProcessor(CHUNK, 1, 1);
  node.onaudioprocess = event => {
    ear.chunks.push(new Float32Array(event.inputBuffer.getChannelData(0)));
    if (ear.chunks.length > 160) ear.chunks.shift();
  };
  node.connect(context.destination);
  let played = null, source = null;
  const players = () => [...document.querySelectorAll('audio'),
    ...[...document.querySelectorAll('click-to-call')].flatMap(e => [...(e.shadowRoot?.querySelectorAll('audio') ?? [])])];
  setInterval(() => {
    const stream = players().map(element => element.srcObject).find(s => s && s.getAudioTracks().length) ?? null;
    if (stream === played) return;
    source?.disconnect();
    played = stream;
    source = stream && context.createMediaStreamSource(stream);
    source?.connect(node);
  }, 50);
})()"""
_TAIL = """count => {
  const chunks = window.__hearing.chunks.slice(-count);
  const bytes = new Uint8Array(chunks.length * CHUNK * 4);
  chunks.forEach((chunk, i) => bytes.set(new Uint8Array(chunk.buffer), i * CHUNK * 4));
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


@dataclass
class Demo(Switch):
    """`softswitch demo` in its own folder and on its own ports."""

    apply: str = ""
    links: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Demo:
        self.start()
        return self

    def start(self) -> None:
        out = (self.folder / "switch.log").open("ab")
        self.process = subprocess.Popen([*COMMAND, "demo"], env=self.variables(), cwd=self.folder, stdout=out, stderr=out)
        try:
            wait_for(self.is_ready, 60, "the demo to become ready")
            self.links = wait_for(self._printed_links, 5, "the sign-in links")
        except AssertionError:
            self.kill()
            raise
        self.token = self.run("token", "add", "tests", "--role", "administrator").stdout.split()[-1]

    def _printed_links(self) -> dict[str, str] | None:
        found = dict(re.findall(r"^ +(\w+) +(http\S+#code=\S+)$", self.log, re.MULTILINE))
        return found if len(found) >= 4 else None


def tab(context: BrowserContext, who: str = "", faults: list[str] | None = None) -> Page:
    """A new tab; `who` of TONES speaks and hears in it. What its console complains about is added to `faults`."""
    page = context.new_page()
    if who:
        page.add_init_script(_TONE_MICROPHONE.replace("HERTZ", str(TONES[who])))
        page.add_init_script("document.addEventListener('DOMContentLoaded', () => " + _EAR.replace("CHUNK", str(_CHUNK)) + ")")
    if faults is not None:
        watch(page, faults)
    return page


def watch(page: Page, faults: list[str]) -> None:
    """Collects errors and warnings of a page."""

    def noted(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "ScriptProcessorNode" not in message.text:  # the ear of this file
            faults.append(f"{page.url}: {message.text} {message.location}")

    page.on("console", noted)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))


def heard_lately(page: Page, seconds: float = 0.6) -> Samples:
    count = int(np.ceil(seconds * RATE / _CHUNK))
    return np.frombuffer(base64.b64decode(page.evaluate(_TAIL.replace("CHUNK", str(_CHUNK)), count)), "<f4").astype(np.float64)


def voices(page: Page, seconds: float = 0.6) -> set[str]:
    """Who was heard in this tab just now."""
    return heard_tones(heard_lately(page, seconds), TONES, RATE)


def loudness(page: Page, seconds: float = 0.6) -> float:
    """dB relative to full scale."""
    return rms_db(heard_lately(page, seconds))


def hears(page: Page, *who: str, seconds: float = 8.0) -> None:
    """Waits until exactly these people are heard in the tab."""
    wait_for(lambda: voices(page) == set(who), seconds, f"{who} in {page.url}, heard {voices(page)}")


def picture(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")


def sign_in(context: BrowserContext, demo: Demo, login: str, who: str = "", faults: list[str] | None = None) -> Page:
    """A new tab, opened with the link that the demo printed."""
    page = tab(context, who, faults)
    page.goto(demo.links[login])
    page.wait_for_url(re.compile("/(agent|supervisor|admin)$"))
    return page


def call_sales(demo: Demo, page: Page) -> None:
    """The widget of the demo page, up to the queue."""
    page.goto(f"{demo.url}/demo")
    page.get_by_test_id("widget-call").click()
    panel = page.get_by_test_id("widget-panel")
    wait_for(lambda: panel.get_attribute("data-state") in ("ivr", "ended"), 15, "the menu")
    assert panel.get_attribute("data-state") == "ivr", panel.inner_text() + demo.log[-2000:]
    page.get_by_test_id("widget-key-1").click()
    expect(page.get_by_test_id("widget-panel")).to_have_attribute("data-state", re.compile("waiting|talking"), timeout=15_000)

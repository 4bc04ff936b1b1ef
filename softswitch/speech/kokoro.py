"""Mandarin and English by Kokoro-82M (Apache-2.0, int8 ONNX) in a process of its own: half a gigabyte and two threads.

The process is `kokoro_worker.py VOICES`; a line of JSON asks, a line answers. It begins with the first
text, and again after it died.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from softswitch.speech.base import SpeechFailed

VOICES = {"zh-CN": "zf_xiaoxiao", "en": "af_heart"}
_SECONDS = 120.0
_LINE = 64 * 1024
_WORKER = Path(__file__).with_name("kokoro_worker.py")


class Kokoro:
    """A `Synthesizer`. `python` is the interpreter that has the extra `speech`; `archive` the voices (kokoro-js, npm)."""

    def __init__(self, archive: Path, python: str = "") -> None:
        self._archive = archive
        self._python = python or sys.executable
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        return f"kokoro-1.0 {VOICES}"

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(VOICES)

    async def render(self, text: str, language: str, target: Path) -> None:
        """Raises SpeechFailed; a process that does not answer is ended."""
        process = await self._running()
        order = json.dumps({"text": text, "voice": VOICES[language], "language": language, "target": str(target)})
        try:
            async with asyncio.timeout(_SECONDS):
                process.stdin.write(order.encode() + b"\n")  # type: ignore[union-attr] # it is a pipe
                answer = await process.stdout.readline()  # type: ignore[union-attr]
        except BaseException:  # also when nobody waits any more: an answer that comes later would be taken for the next one
            await self.close()
            raise
        if not answer:
            await self.close()
            raise SpeechFailed("the speech process ended; is the extra `speech` installed?")
        fault = json.loads(answer).get("fault")
        if fault:
            raise SpeechFailed(str(fault))

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                self._python, str(_WORKER), str(self._archive), limit=_LINE,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )  # fmt: skip
        return self._process

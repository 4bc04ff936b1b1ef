"""A real Chromium takes our answer: the description is applied and the transceiver ends up as agreed."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright

from media import browser, sdp
from media.credentials import ice_credentials, node_identity

OFFER = """async ([audio, video]) => {
    window.pc = new RTCPeerConnection();
    if (video) pc.addTransceiver('video');
    for (let i = 0; i < audio; i++) pc.addTransceiver('audio', {direction: 'sendrecv'});
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
ANSWER = """async (sdp) => {
    const tracks = [];
    pc.ontrack = e => tracks.push([e.track.kind, e.streams.length]);
    await pc.setRemoteDescription({type: 'answer', sdp});
    const used = pc.getTransceivers().find(t => t.currentDirection === 'sendrecv');
    return {
        tracks,
        directions: pc.getTransceivers().map(t => t.currentDirection),
        codec: used.sender.getParameters().codecs[0].mimeType,
        signaling: pc.signalingState,
        stopped: pc.getTransceivers().filter(t => t.stopped).length,
    };
}"""


@pytest.mark.parametrize(("codecs", "first"), [(("PCMA", "OPUS"), "audio/PCMA"), (("OPUS", "PCMU"), "audio/opus")])
async def test_chromium_takes_the_answer(codecs, first):
    ours = browser.BrowserPort(("127.0.0.1",), 20000, ice_credentials(), node_identity(), codecs=codecs, ssrc=4711)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = await chromium.new_page()
        offer = await page.evaluate(OFFER, [1, True])
        body, agreement = browser.answer(sdp.parse(offer), ours)
        result = await page.evaluate(ANSWER, sdp.write(body).decode())
        await chromium.close()
    assert result["tracks"] == [["audio", 1]]
    assert result["codec"] == first
    assert result["signaling"] == "stable"
    assert result["directions"].count("sendrecv") == 1
    assert f"audio/{agreement.codec.name}".lower() == first.lower()

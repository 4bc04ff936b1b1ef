"""The keys of a SIP phone: how they are listened to, and that each counts once."""

from __future__ import annotations

import asyncio

import pytest

from media.fake import FakeEngine
from media.service import MediaService
from softswitch.legs import base
from softswitch.legs.rtp import RtpPort
from softswitch.legs.studio import Studio

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP {types}\r\na=sendrecv\r\n"
)
WITH_EVENTS = OFFER.format(types="8 101") + "a=rtpmap:101 telephone-event/8000\r\n"


async def opened(offer: str) -> tuple[FakeEngine, MediaService, RtpPort, list[base.LegEvent]]:
    engine = FakeEngine()
    media = MediaService(engine)
    media.start()
    heard: list[base.LegEvent] = []
    studio = Studio(media, None, lambda peer: "198.51.100.9", lambda: ())  # type: ignore[arg-type]
    port = RtpPort(studio, media.new_group(), "192.0.2.1", heard.append)
    port.take_offer(offer.encode())
    port.first_answer()
    return engine, media, port, heard


@pytest.mark.parametrize(("offer", "inband"), [(WITH_EVENTS, False), (OFFER.format(types="8"), True)])
async def test_tones_are_listened_to_where_a_phone_has_no_events(offer: str, inband: bool) -> None:
    engine, media, port, _ = await opened(offer)
    detect = engine.ports[port.id].detect
    assert (detect is not None and detect.dtmf_inband) is inband
    media.close()


async def test_a_key_by_event_and_by_info_counts_once() -> None:
    engine, media, port, heard = await opened(WITH_EVENTS)
    assert port.counts("5", "info", 100)
    engine.send_digits(port.id, "5")
    engine.send_digits(port.id, "6")
    await asyncio.sleep(0.01)
    assert [event.digit for event in heard if isinstance(event, base.DigitPressed)] == ["6"]
    assert not port.counts("6", "info", 100)
    media.close()

"""The codecs that a carrier profile may name are those that the media engine knows."""

from media.codecs import AUDIO
from sip_profiles.schema import CODECS


def test_profiles_name_every_codec_and_no_other() -> None:
    assert set(CODECS) == set(AUDIO)

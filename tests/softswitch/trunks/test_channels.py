"""Which channel of a trunk a leg occupies."""

from hypothesis import given
from hypothesis import strategies as st

from softswitch.trunks.channels import Channels


def test_the_lowest_free_channel_is_seized() -> None:
    channels = Channels()
    assert [channels.seize("carrier") for _ in range(3)] == [1, 2, 3]
    channels.release("carrier", 2)
    channels.release("carrier", 1)
    assert channels.seize("other") == 1
    assert [channels.seize("carrier") for _ in range(3)] == [1, 2, 4]
    assert (channels.used("carrier"), channels.used("other"), channels.used("none")) == (4, 1, 0)


@given(st.lists(st.booleans(), max_size=200))
def test_no_channel_is_given_twice_and_numbers_stay_low(seizes: list[bool]) -> None:
    channels, held, most = Channels(), [], 0
    for seize in seizes:
        if seize or not held:
            channel = channels.seize("t")
            assert channel not in held
            held.append(channel)
        else:
            channels.release("t", held.pop(0))
        most = max(most, len(held))
        assert max(held, default=0) <= most
        assert channels.used("t") == len(held)

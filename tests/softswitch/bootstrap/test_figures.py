"""What the running switch tells a person about its media clock."""

from collections import Counter
from typing import Any

from media.events import Overload
from softswitch.bootstrap.figures import Figures
from softswitch.model.clock import Clock
from softswitch.observe.alarms import Alarms
from softswitch.observe.metrics import Metrics


class _Noon(Clock):
    def now(self) -> float:
        return 0.0

    def utc(self) -> float:
        return 1_704_081_600.0


def test_an_engine_that_takes_no_calls_raises_an_alarm_until_it_does() -> None:
    alarms = Alarms(lambda _event: None, _Noon())
    unused: Any = None
    figures = Figures(Metrics(), unused, unused, Counter, alarms)
    figures.watch(Overload(worker=1, level=1, lag_ms=6.0, shed="nothing yet"))
    assert alarms.active() == []
    figures.watch(Overload(worker=1, level=2, lag_ms=12.4, shed="new ports"))
    figures.watch(Overload(worker=0, level=3, lag_ms=25.0, shed="new ports"))
    first, second = alarms.active()
    assert (first.code, first.level, first.object) == ("media_overload", "critical", "1")
    assert "12 ms" in first.text
    figures.watch(Overload(worker=0, level=1, lag_ms=6.0, shed="nothing yet"))
    assert len(alarms.active()) == 2
    figures.watch(Overload(worker=0, level=0, lag_ms=1.0, shed=""))
    assert alarms.active() == [first]
    assert second.object == "0"

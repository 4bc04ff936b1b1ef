"""Fuzzing by hand: `python -m tests.fuzz [SECONDS] [TARGET…]` under atheris, a minute per target when nothing is said.

`python -m tests.fuzz mutate COUNT [SEED]` and `python -m tests.fuzz protos c07-sip-r2.jar` feed one endpoint and print what
became of it.
What is found stays in tests/fuzz/found/TARGET, where every test run looks at it again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import HERE, TARGETS, seeds
from tests.fuzz.endurance import endure, mutations, protos


def main(arguments: list[str]) -> int:
    match arguments:
        case ["mutate", count, *seed]:
            print(endure(mutations(int(count), int(seed[0]) if seed else 1), int(count)))
            return 0
        case ["protos", path]:
            print(endure(protos(Path(path)), 4527))
            return 0
        case ["one", target, *options]:
            _fuzz(target, options)
    seconds, *targets = arguments or ["60"]
    if not seconds.isdigit() or not set(targets) <= set(TARGETS):
        print(__doc__, "Targets:", ", ".join(TARGETS), file=sys.stderr)
        return 2
    return max(_run(target, int(seconds)) for target in targets or TARGETS)


def _run(target: str, seconds: int) -> int:
    """One target in a process of its own: libFuzzer ends it."""
    print("==", target, flush=True)
    found = HERE / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        for number, data in enumerate(seeds(target)):
            (corpus / f"{number:04}").write_bytes(data)
        options = [
            f"-max_total_time={seconds}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-max_len=4096",
            f"-artifact_prefix={found}/",
        ]
        return subprocess.run([sys.executable, "-m", "tests.fuzz", "one", target, folder, *options], check=False).returncode


def _fuzz(target: str, options: list[str]) -> None:
    import atheris  # Linux on x86 only, so it is asked for where it is used

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

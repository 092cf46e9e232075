"""Run the pipeline, and write where its processor seconds went as JSON: where_time_goes.py OUT.json

A sampler looks at the stack after every few milliseconds of processor time, and counts the time since the sample
before for the innermost of: a package of ours, Dagster, a module that is being imported. What libraries take is thus
counted for the package that called them.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType

from health_etl.cli.app import app

EVERY_S = 0.005
IMPORTS = "imports"


class Sampler:
    """Adds up processor seconds by part."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last_s = 0.0  # the first sample counts what came before: the imports of this file

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        """Count the time since the sample before."""
        now_s = time.process_time()
        self.seconds[_part(frame)] += now_s - self._last_s
        self._last_s = now_s


def _part(frame: FrameType | None) -> str:
    while frame is not None:
        package, _, rest = str(frame.f_globals.get("__name__", "")).partition(".")
        if frame.f_code.co_name == "<module>":
            return IMPORTS
        if package == "health_etl":
            return f"`{rest.partition('.')[0]}`"
        if package == "dagster":
            return "Dagster"
        frame = frame.f_back
    return IMPORTS


def main() -> None:
    """Run, and write the seconds of each part."""
    sampler = Sampler()
    signal.signal(signal.SIGPROF, sampler.sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    app(["run"], standalone_mode=False)
    signal.setitimer(signal.ITIMER_PROF, 0)
    Path(sys.argv[1]).write_text(json.dumps(dict(sampler.seconds)), encoding="utf-8")


if __name__ == "__main__":
    main()

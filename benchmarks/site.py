"""A place to measure in: a lake in a folder (or a bucket), a Dagster home beside it, and `health-etl run` over both."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import lakes
from benchmarks.lakes import Upload
from benchmarks.measure import Usage, usage_of

ROOT = Path(__file__).resolve().parents[1]
BASELINES = Path(__file__).with_name("baselines")
PROGRAMS = Path(__file__).with_name("programs")
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")


@dataclass(frozen=True)
class Site:
    """Everything in `folder`; `core` is where programs run, None for any core."""

    folder: Path
    core: int | None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def lake(self) -> Path:
        """Folder of the lake, where the settings name no other."""
        return self.folder / "lake"

    @property
    def environment(self) -> dict[str, str]:
        """What a program sees: no settings but the site's own, whatever the shell has."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        own = {"HEALTH_ETL_LAKE": self.lake.as_uri(), "DAGSTER_HOME": str(self._dagster_home())}
        return {**inherited, "PYTHONPATH": str(ROOT), "PYTHON_DOTENV_DISABLED": "1", **own, **self.settings}

    def put(self, uploads: Iterable[Upload]) -> int:
        """Upload, and return how many there were."""
        return lakes.write(self.lake, uploads)

    def fresh(self, name: str) -> Site:
        """Return a new site beside this one with the same uploads and nothing made of them."""
        copy = Site(self.folder.with_name(f"{self.folder.name}-{name}"), self.core, self.settings)
        shutil.rmtree(copy.folder, ignore_errors=True)
        shutil.copytree(self.lake / "raw", copy.lake / "raw", copy_function=os.link)
        return copy

    def run(self) -> Usage:
        """Bring the lake up to date and return what it took."""
        return self.python("-m", "health_etl", "run")

    def baseline(self, name: str, *arguments: str | Path) -> Usage:
        """Run a script of `baselines/` and return what it took."""
        return self.python(BASELINES / name, *arguments)

    def python(self, *arguments: str | Path) -> Usage:
        """Run Python with these arguments and return what it took; raises ProgramFailedError."""
        return usage_of([sys.executable, *arguments], self.environment, self.core)

    def imports(self) -> Usage:
        """Import dagster and pandas, which any run must, and return what it took."""
        return self.python("-c", "import dagster, pandas")

    def training_lines(self) -> int:
        """Count the lines of the health journal."""
        files = (self.lake / "training").rglob("health_journal_*.jsonl")
        return sum(path.read_bytes().count(b"\n") for path in files)

    def size_mb(self, part: str = "") -> float:
        """Return the size of a folder of the lake, or of all of it."""
        files = (self.lake / part).rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file()) / 1e6

    def remove(self) -> None:
        """Remove the site."""
        shutil.rmtree(self.folder)

    def _dagster_home(self) -> Path:
        home = self.folder / "dagster_home"
        if not home.is_dir():
            home.mkdir(parents=True)
            shutil.copyfile(ROOT / "dagster.yaml", home / "dagster.yaml")
        return home

"""What every case is given: where to work, on which core, how large, and how often."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks import lakes
from benchmarks.measure import Usage
from benchmarks.results import Size
from benchmarks.site import Site

Option = TypeVar("Option")


class CaseSkippedError(Exception):
    """A case cannot be measured here; the message says what it needs."""


class NothingMadeError(RuntimeError):
    """A run ended well but wrote no training line, so that its cost says nothing."""


@dataclass(frozen=True)
class Bench:
    """`rounds` is how often what is compared is run, alternately; the best of each counts."""

    scratch: Path
    core: int
    size: Size = "full"
    rounds: int = 3

    def pick(self, full: Option, quick: Option) -> Option:
        """Return the option for this size."""
        return full if self.size == "full" else quick

    def site(self, name: str) -> Site:
        """Return an empty site."""
        folder = self.scratch / name
        shutil.rmtree(folder, ignore_errors=True)
        return Site(folder, self.core)


def warm_up(bench: Bench) -> None:
    """Run the pipeline once, so that what is measured neither compiles modules nor finds them for the first time."""
    site = bench.site("warm-up")
    site.put(lakes.one_of_each_type(1))
    site.run()


def cold(site: Site) -> Usage:
    """Run over the uploads of a site as if for the first time; what was made is in `made_cold(site)`.

    Raises NothingMadeError if no training line was written.
    """
    fresh = site.fresh("cold")
    usage = fresh.run()
    if fresh.training_lines() == 0:
        raise NothingMadeError(f"no training line was written to {fresh.lake}")
    return usage


def start_up(bench: Bench) -> Usage:
    """Run over a single upload: what a run takes however few data there are."""
    site = bench.site("single-upload")
    site.put([lakes.glucose_upload("user00000", lakes.FIRST_UPLOAD)])
    return cold(site)


def made_cold(site: Site) -> Site:
    """Return the site that `cold` left, up to date."""
    return Site(site.folder.with_name(f"{site.folder.name}-cold"), site.core, site.settings)

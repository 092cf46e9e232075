"""What a bad item is: where it is put, what must be said of it, and where.

The items themselves are in bad_keys.py, bad_files.py, bad_rows.py, bad_days.py and bad_messages.py.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from health_etl.lake.store import Lake
from health_etl.settings import Settings
from health_etl_tests.support.exports import UPLOADED

CANARY = "zq7canary"  # in the name of the uploader of bad items; only the owner's tables may show it
DAY_FOLDER = f"{UPLOADED:%Y/%m/%d}/"
STEPS_FOLDER = f"raw/StepsRecord/{DAY_FOLDER}"
GLUCOSE_FOLDER = f"raw/BloodGlucoseRecord/{DAY_FOLDER}"


class Stage(StrEnum):
    """The stages of the pipeline, each of which isolates its items."""

    LIST = "list"
    FETCH = "fetch"
    DECODE = "decode"
    VALIDATE = "validate"
    WRITE = "write"
    PARSE_MESSAGES = "parse messages"
    SELECT = "select"
    ANALYSE = "analyse"
    NARRATE = "narrate"
    PUBLISH = "publish"


class Store(StrEnum):
    """The kinds of store that a lake may lie in."""

    FOLDER = "folder"
    S3 = "S3"


class Kept(StrEnum):
    """What of a bad item is kept out, in the words of `quarantine list`."""

    UNCLAIMED = "unclaimed"
    FILE = "whole file"
    ROWS = "rows"
    NOTHING = ""  # it is not an upload, and nobody need hear of it


class World(Protocol):
    """An empty lake, and a way to put things there that neither it nor a client library would write."""

    store: Store

    def put(self, key: bytes, content: bytes) -> None:
        """Put an object under exactly this key."""

    def link(self, key: bytes, target: bytes) -> None:
        """Put a symbolic link in a folder."""

    def deny(self, key: bytes) -> None:
        """Let the store refuse to hand out this one object from now on."""

    @property
    def settings(self) -> Settings:
        """What opens the lake."""

    @property
    def lake(self) -> Lake:
        """The lake, as the pipeline opens it."""


@dataclass(frozen=True)
class BadItem:
    """One object that cannot be used, or not wholly."""

    stage: Stage
    what: str
    key: bytes
    content: bytes
    kept: Kept
    reason: str
    stores: frozenset[Store] = frozenset(Store)
    place: Callable[[World, BadItem], None] | None = None  # instead of putting the content under the key

    def put_into(self, world: World) -> None:
        """Put the item where it disturbs."""
        if self.place is None:
            world.put(self.key, self.content)
        else:
            self.place(world, self)

    @property
    def fingerprint(self) -> str:
        """The part of its masked name that is its own."""
        return fingerprint(self.key)

    def __str__(self) -> str:
        return f"{self.stage}: {self.what}"


def fingerprint(key: bytes) -> str:
    """Return what stands for a key wherever the key itself may not be shown."""
    return f"upload-{hashlib.sha256(os.fsdecode(key).encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def file_name(who: str, content: bytes) -> str:
    """Return a valid file name of an upload of these bytes."""
    return f"{who}_{UPLOADED:%Y%m%d}_060000_phone_{hashlib.sha256(content).hexdigest()[:8]}.avro"

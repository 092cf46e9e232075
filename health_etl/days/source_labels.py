"""Source apps: whose name is shown, and what stands for the others.

Health Connect names the app that wrote a record by its package name, but some exporters put there what a person typed
("Anna's watch"). Only what looks like a published package name is shown. Any other source gets an id, before
anything is computed from its records, so that it stays the same source on every day and in every merge; texts show
that id as "app 1", "app 2" and so on.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

# An Android applicationId: ASCII segments, each starting with a letter; https://developer.android.com/build/configure-app-module
_SEGMENT = "[A-Za-z][A-Za-z0-9_]*"
_MAX_LENGTH = 100
_MAX_DIGITS = 4  # in a row; longer numbers may be a telephone number, a date of birth or a serial number

# First segments, which tell a reversed domain from a person ("jane.doe"). Country codes that are also given names or
# English words (al, jo, li, mo, my, …) are left out: a neutral label too many costs less than a name.
_GENERIC = ("app", "com", "dev", "io", "net", "org")  # one more segment suffices: com.strava
_OTHER = (  # two more are needed: nl.appyhapps.healthsync
    *("ai", "biz", "co", "edu", "eu", "gov", "health", "info", "me", "mobi", "tv"),
    *("ar", "at", "au", "be", "br", "ca", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hk"),
    *("hr", "hu", "ie", "il", "it", "jp", "kr", "lt", "lv", "mx", "nl", "no", "nz", "pl", "pt", "ro", "rs", "ru"),
    *("se", "sg", "si", "sk", "tr", "tw", "ua", "uk", "us", "vn", "za"),
)
PACKAGE_NAME = (
    rf"(?![A-Za-z0-9_.]{{{_MAX_LENGTH + 1}}})(?![A-Za-z0-9_.]*[0-9]{{{_MAX_DIGITS + 1}}})"
    rf"(?:(?:{'|'.join(_GENERIC)})|(?:{'|'.join(_OTHER)})\.{_SEGMENT})(?:\.{_SEGMENT})+"
)
_PLATFORM = "android"  # Health Connect's name for what the phone itself has counted
_IS_PACKAGE_NAME = re.compile(rf"(?:{_PLATFORM}|{PACKAGE_NAME})\Z", re.ASCII)

# The hyphen keeps ids apart from package names.
_ID_PREFIX = "app-"
_ID = re.compile(rf"{_ID_PREFIX}[0-9a-f]{{16}}")


def is_shown(source_app: str) -> bool:
    """Return whether a source's name looks like a published package name, and so may be shown."""
    return _IS_PACKAGE_NAME.match(source_app) is not None


def source_id(source_app: str) -> str:
    """Return the id that stands for a source whose name is not shown."""
    digest = hashlib.sha256(source_app.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_ID_PREFIX}{digest[:16]}"


def with_source_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows (user_id, source_app) with an id in place of every source that is not shown.

    A package name that has the person's own user id in it is not shown either.
    """
    pairs = rows[["user_id", "source_app"]].drop_duplicates()
    hidden = [
        not is_shown(app) or _names(app, str(person))
        for person, app in zip(pairs["user_id"], pairs["source_app"], strict=True)
    ]
    if not any(hidden):
        return rows
    replaced = pairs[hidden]
    ids = replaced.assign(source_id=[source_id(app) for app in replaced["source_app"]])
    found = rows[["user_id", "source_app"]].merge(ids, on=["user_id", "source_app"], how="left")["source_id"]
    return rows.assign(source_app=found.set_axis(rows.index).fillna(rows["source_app"]))


def ranked_ids(app_priority: Iterable[str]) -> tuple[str, ...]:
    """Return a ranking of apps for rows with source ids: every app by its name and, next to it, by its id."""
    return tuple(name for app in app_priority for name in (app, source_id(app)))


def labels(sources: Collection[str]) -> dict[str, str]:
    """Return what is shown of each of these sources: package names as they are, ids numbered in sorted order."""
    ids = sorted({source for source in sources if _ID.fullmatch(source)})
    numbered = {source: f"app {number}" for number, source in enumerate(ids, start=1)}
    return {source: numbered.get(source, source) for source in sources}


def labelled(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return rows with a label in place of every source id in these text columns, numbered within each row."""
    texts = {name: rows[name].tolist() for name in columns}
    marked = {
        name: [place for place, text in enumerate(found) if isinstance(text, str) and _ID_PREFIX in text]
        for name, found in texts.items()
    }
    ids: dict[int, set[str]] = defaultdict(set)  # of few rows: most apps have package names
    for name, places in marked.items():
        for place in places:
            ids[place].update(_ID.findall(texts[name][place]))
    shown = {place: labels(found) for place, found in ids.items()}
    for name, places in marked.items():
        for place in places:
            texts[name][place] = _with_labels(texts[name][place], shown[place])
    changed = {name: pd.Series(texts[name], index=rows.index, dtype="str") for name, places in marked.items() if places}
    return rows.assign(**changed) if changed else rows


def _with_labels(text: str, shown: Mapping[str, str]) -> str:
    return _ID.sub(lambda one: shown[one[0]], text)


def _names(source_app: str, user_id: str) -> bool:
    """Return whether a package name has a user id, which may be qualified by a partition, among its words."""
    own = _words(user_id.rpartition("\n")[2])
    return bool(own) and f".{own}." in f".{_words(source_app)}."


def _words(name: str) -> str:
    return ".".join(re.findall("[a-z0-9]+", name.casefold()))

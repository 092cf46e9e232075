"""Listing of a lake in a folder, in the order of its keys. No file, whatever its name or state, ends a listing.

Not by obstore, which takes twice as long, ends at the first name that it does not like, and passes over what it may not
read. ETags are the same as obstore's.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from health_etl.lake.listed import Listed, Lister, ObjectInfo, Unaddressable, fault_of

LEADS_BACK = "it is a symbolic link that loops back"
LEADS_NOWHERE = "it is a symbolic link to something that does not exist"
NOT_A_FILE = "it is neither a file nor a folder"
MAY_NOT_LOOK = "this account may not list this folder"
NAMED_AS_HALF_WRITTEN = "its name ends in # and digits, like that of a file that is still being written"
TOO_DEEP = "its path is longer than the file system allows"
WRITING_SECONDS = 3600  # ASSUMPTION: no upload takes longer

_FAULTS = {
    errno.ELOOP: LEADS_BACK,
    errno.ENAMETOOLONG: TOO_DEEP,
    errno.EACCES: MAY_NOT_LOOK,
    errno.EPERM: MAY_NOT_LOOK,
}


class FolderListing(Lister):
    """Lists the files below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"

    def everything(self, prefix: str) -> Iterator[Listed]:
        """Yield all that lies under a folder. Raises OSError where that folder itself cannot be listed."""
        # Not recursive: folders may be nested deeper than Python's calls.
        stack = [(prefix, iter(self._entries(prefix)), fault_of(prefix.removesuffix("/")) if prefix else None)]
        while stack:
            folder, entries, fault = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
                continue
            key, fault = folder + entry.name, fault or fault_of(entry.name)
            try:
                if not _is_folder(entry):
                    found = _file(key, entry, fault)
                    if found is not None:
                        yield found
                elif entry.is_symlink() and self._leads_back(key):
                    yield _unaddressable(key, LEADS_BACK)
                else:
                    stack.append((f"{key}/", iter(self._entries(f"{key}/")), fault))
            except OSError as error:
                if error.errno not in _FAULTS:
                    raise
                yield _unaddressable(key, _FAULTS[error.errno])

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly under a folder; raises OSError where it cannot be listed."""
        return [entry.name for entry in self._entries(prefix) if fault_of(entry.name) is None and _is_folder(entry)]

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        """Return what lies in a folder, in the order of its keys; nothing where there is no such folder."""
        try:
            with os.scandir(self._root + prefix) as entries:
                return sorted(entries, key=_position)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _leads_back(self, key: str) -> bool:
        """Tell whether a link to a folder leads to one that the link itself lies in."""
        path = Path(self._root + key)
        target = path.stat()
        return any(os.path.samestat(target, folder.stat()) for folder in path.parents)


def _file(key: str, entry: os.DirEntry[str], fault: str | None) -> Listed | None:
    """Return what is there under a name that is no folder's; None if it is being written, or gone by now."""
    try:
        found = entry.stat()
    except FileNotFoundError:
        return _unaddressable(key, LEADS_NOWHERE) if entry.is_symlink() else None
    if "#" in entry.name and _is_half_written(entry.name):
        if time.time() - found.st_mtime < WRITING_SECONDS:
            return None
        fault = NAMED_AS_HALF_WRITTEN
    if not stat.S_ISREG(found.st_mode):
        fault = NOT_A_FILE
    info = ObjectInfo(key, found.st_size, _etag(found))
    return info if fault is None else Unaddressable(info, fault)


def _position(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if _is_folder(entry) else entry.name


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or to where this account may not look
        return False


def _is_half_written(name: str) -> bool:
    """Tell whether obstore writes to this file; it renames it once it is whole."""
    _, _, suffix = name.partition("#")
    return suffix.isascii() and suffix.isdigit()


def _etag(found: os.stat_result) -> str:
    modified_us = max(found.st_mtime_ns // 1000, 0)
    return f'"{found.st_ino:x}-{modified_us:x}-{found.st_size:x}"'


def _unaddressable(key: str, fault: str) -> Unaddressable:
    return Unaddressable(ObjectInfo(key, 0, ""), fault, hides_objects=fault == MAY_NOT_LOOK)

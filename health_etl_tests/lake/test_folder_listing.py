"""No file ends the listing of a folder: what cannot be read under its key is reported, everything else is listed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import LocalStore

from health_etl.errors import FolderHiddenError
from health_etl.lake.listed import ObjectInfo, Unaddressable, fault_of
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import folder_lake

profile = hypothesis_profiles.active_profile()

GOOD = "raw/StepsRecord/2025/09/16/good"
DAY = "raw/StepsRecord/2025/09/16/"

# Whatever Linux allows in a name, above all what stores treat in a way of their own.
NAMES = st.one_of(
    st.binary(min_size=1, max_size=12),
    st.lists(
        st.sampled_from([b"a", b"%41", b"%2F", b"#", b"1", b"?", b" ", b"\\", b"\xc3\xa9", b"e\xcc\x81", b"\xe9"])
    ).map(b"".join),
).filter(lambda name: name not in (b"", b".", b"..") and not {0, ord("/")} & {*name})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a lake that holds one good object."""
    folder_lake(tmp_path).put(GOOD, b"content")
    return tmp_path


def listed(folder: Path, prefix: str = "raw/") -> tuple[list[str], dict[str, str]]:
    """Return the keys of a listing, and the details of what is unaddressable by its key."""
    found = [*folder_lake(folder).everything(prefix)]
    keys = [item.key for item in found if isinstance(item, ObjectInfo)]
    return keys, {item.info.key: item.detail for item in found if isinstance(item, Unaddressable)}


@pytest.mark.parametrize(
    ("name", "key", "detail"),
    [
        (b"jos\xe9", "jos\udce9", "its name is not UTF-8"),
        (b"a\tb", "a\tb", "its name holds a control character"),
        (b"a\nb%", "a\nb%", "its name holds a control character"),
        (b"\x7f", "\x7f", "its name holds a control character"),
    ],
)
@pytest.mark.parametrize("below", ["", "sub/"])
def test_a_name_that_no_key_can_have_is_listed_as_unaddressable(
    folder: Path, name: bytes, key: str, detail: str, below: str
) -> None:
    path = folder / DAY / os.fsdecode(name) / ("file" if below else "")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    assert listed(folder) == ([GOOD], {DAY + key + ("/file" if below else ""): detail})
    assert [info.key for info in folder_lake(folder).objects("raw/")] == [GOOD]
    assert folder_lake(folder).folders(DAY) == []


@pytest.mark.parametrize(
    ("target", "detail"),
    [
        ("{folder}/raw/StepsRecord", "it is a symbolic link that loops back"),
        ("{folder}", "it is a symbolic link that loops back"),
        ("/", "it is a symbolic link that loops back"),
        ("link", "it is a symbolic link that loops back"),
        ("{folder}/nowhere", "it is a symbolic link to something that does not exist"),
    ],
)
def test_a_link_that_leads_nowhere_or_back_is_listed_as_unaddressable(folder: Path, target: str, detail: str) -> None:
    (folder / DAY / "link").symlink_to(target.format(folder=folder))
    assert listed(folder) == ([GOOD], {f"{DAY}link": detail})


def test_links_to_files_and_folders_elsewhere_are_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "file").write_bytes(b"x")
    (folder / DAY / "folder").symlink_to(other)
    (folder / DAY / "link").symlink_to(other / "file")
    assert listed(folder) == ([f"{DAY}folder/file", GOOD, f"{DAY}link"], {})


def test_a_pipe_is_listed_and_never_opened(folder: Path) -> None:
    os.mkfifo(folder / DAY / "pipe")
    assert listed(folder) == ([GOOD], {f"{DAY}pipe": "it is neither a file nor a folder"})


@contextmanager
def nested(folder: Path, name: str, depth: int) -> Iterator[None]:
    """Nest folders deeper than a path can say, or Python's calls can; the innermost holds a file."""
    here = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
        yield
    finally:
        os.close(here)
        subprocess.run(["rm", "-r", folder / name], check=True)  # shutil's calls nest too


def test_a_path_that_is_too_long_to_open_is_listed(folder: Path) -> None:
    with nested(folder / "raw", "d" * 200, 30):
        keys, strange = listed(folder)
    assert keys == [GOOD]
    assert [*strange.values()] == ["its path is longer than the file system allows"]


def test_folders_may_be_nested_deeper_than_calls(folder: Path) -> None:
    with nested(folder / "raw", "d", 1500):
        assert len(listed(folder)[0]) == 2


def test_a_folder_that_cannot_be_looked_into_stops_no_other_and_seems_not_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "raw" / "StepsRecord" / "2025" / "09" / "17").mkdir()
    forbid(monkeypatch, "17/")
    assert listed(folder) == ([GOOD], {f"{DAY[:-3]}17": "this account may not list this folder"})
    with pytest.raises(FolderHiddenError, match="would seem deleted"):
        list(folder_lake(folder).objects("raw/StepsRecord/2025/09/"))
    with pytest.raises(FolderHiddenError, match="may not look into"):
        list(folder_lake(folder).everything("raw/StepsRecord/2025/09/17/"))
    assert [info.key for info in folder_lake(folder).objects(DAY)] == [GOOD]


def forbid(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Let the system refuse to list such folders; tests may run as root, which may list all."""
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith(ending):
            raise PermissionError(13, os.strerror(13), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_file_that_vanishes_during_a_listing_is_left_out(folder: Path) -> None:
    lake = folder_lake(folder)
    for name in ("a", "b", "c"):
        lake.put(f"raw/{name}/1", b"x")
    keys = []
    for info in lake.objects("raw/"):
        keys.append(info.key)
        if info.key == "raw/a/1":
            (folder / "raw" / "b" / "1").unlink()
            shutil.rmtree(folder / "raw" / "c")
    assert keys == [GOOD, "raw/a/1"]


def test_a_listing_is_in_the_order_of_its_keys_and_has_obstores_etags(folder: Path) -> None:
    lake = folder_lake(folder)
    for key in ("raw/a/1", "raw/a-b", "raw/é", "raw/z", "raw/Z/y#x", "raw/Z/#", "raw/Z/😀", "raw/Z/\uffee"):
        lake.put(key, key.encode())
    os.utime(folder / "raw" / "z", ns=(0, -5_000_000_000))
    found = [*lake.objects("raw/")]
    assert found == sorted(found)
    own = LocalStore(folder)
    assert found == sorted(
        ObjectInfo(meta["path"], meta["size"], str(meta["e_tag"])) for page in obstore.list(own) for meta in page
    )


@profile
@given(names=st.sets(NAMES, max_size=6))
def test_every_file_is_listed_once_and_each_key_reads_that_very_file(
    names: set[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    (folder / DAY).mkdir(parents=True)
    for name in names:
        path = folder / DAY / os.fsdecode(name)
        path.write_bytes(name)
        os.utime(path, (0, 0) if name.startswith(b"a") else None)
    lake = folder_lake(folder)
    everything = [*lake.everything("raw/")]
    named_as_half_written = {name for name in names if name.partition(b"#")[2].isdigit()}
    half_written = {name for name in named_as_half_written if not name.startswith(b"a")}
    assert len(everything) == len(names - half_written)
    read = {lake.get(item.key) for item in everything if isinstance(item, ObjectInfo)}
    strange = [item.info.key for item in everything if isinstance(item, Unaddressable)]
    assert read == {name for name in names - named_as_half_written if fault_of(os.fsdecode(name)) is None}
    assert len({*strange}) == len(strange)
    odd = {os.fsdecode(name) for name in named_as_half_written}
    assert [key for key in strange if fault_of(key) is None and key.removeprefix(DAY) not in odd] == []
    shutil.rmtree(folder)


def test_what_is_no_folder_lists_as_empty(folder: Path) -> None:
    assert listed(folder, "nowhere/") == ([], {})
    assert listed(folder, f"{GOOD}/") == ([], {})

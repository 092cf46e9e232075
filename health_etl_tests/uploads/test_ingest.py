"""Phone exports are uploaded to raw/ once, named after person, time and content, or refused with a reason."""

from __future__ import annotations

import errno
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from health_etl.avro import decode
from health_etl.errors import PermanentError
from health_etl.lake import keys
from health_etl.lake.store import Lake
from health_etl.uploads.ingest import IngestResult, check_names, find_exports, ingest
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    avro_bytes,
    blood_glucose,
    contents,
    key_of,
    memory_lake,
    steps,
    utc,
)

EXPORTED = "1758406539312"  # 2025-09-20 22:15:39 UTC


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def export(folder: Path, record_id: str = "s1", name: str = f"StepsRecord_{EXPORTED}.avro") -> Path:
    path = folder / name
    path.write_bytes(avro_bytes("steps", [steps(record_id)]))
    return path


def ingested(lake: Lake, *paths: Path, user_id: str = ANNA, uploaded: date | None = None) -> list[IngestResult]:
    return list(ingest(lake, paths, user_id, uploaded, "phone"))


def test_an_export_is_stored_under_the_utc_date_in_its_name(lake: Lake, tmp_path: Path) -> None:
    path = export(tmp_path)
    content = path.read_bytes()
    (found,) = ingested(lake, path)
    expected = key_of("steps", content, upload_date=date(2025, 9, 20), exported=utc("2025-09-20 22:15:39"))
    assert (found.key, found.is_new, found.refused) == (expected, True, None)
    assert contents(lake, "raw/") == {expected: content}


def test_a_given_upload_date_takes_precedence(lake: Lake, tmp_path: Path) -> None:
    (found,) = ingested(lake, export(tmp_path), uploaded=date(2025, 9, 25))
    assert found.key is not None
    assert found.key.startswith("raw/StepsRecord/2025/09/25/anna_k_20250920_221539_phone_")


def test_the_type_in_the_name_is_case_insensitive(lake: Lake, tmp_path: Path) -> None:
    (found,) = ingested(lake, export(tmp_path, name=f"stepsrecord_{EXPORTED}.avro"))
    assert found.key is not None
    assert found.key.startswith("raw/StepsRecord/")


def test_an_export_is_uploaded_only_once(lake: Lake, tmp_path: Path) -> None:
    path = export(tmp_path)
    first, second = ingested(lake, path, path)
    assert (first.is_new, second.is_new) == (True, False)
    (third,) = ingested(lake, path)
    assert (third.key, third.is_new) == (first.key, False)
    assert len(contents(lake, "raw/")) == 1


def test_the_same_content_under_another_name_of_that_day_is_not_uploaded_again(lake: Lake, tmp_path: Path) -> None:
    first = export(tmp_path)
    again = export(tmp_path, name="StepsRecord_1758406600000.avro")
    assert [item.is_new for item in ingested(lake, first, again)] == [True, False]


def test_the_same_content_of_two_people_is_uploaded_for_both(lake: Lake, tmp_path: Path) -> None:
    path = export(tmp_path)
    assert ingested(lake, path, user_id=ANNA)[0].is_new
    assert ingested(lake, path, user_id=BEN)[0].is_new
    assert len(contents(lake, "raw/")) == 2


def test_two_exports_of_the_same_second_are_both_uploaded(lake: Lake, tmp_path: Path) -> None:
    first = export(tmp_path, "s1")
    second = export(tmp_path, "s2", name="StepsRecord_1758406539999.avro")
    assert [item.is_new for item in ingested(lake, first, second)] == [True, True]
    assert len(contents(lake, "raw/")) == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("steps.avro", "its name is not"),
        (f"StepsRecord_{EXPORTED}.json", "its name is not"),
        ("StepsRecord_20250920.avro", "its name is not"),
        (f"WeightRecord_{EXPORTED}.avro", "WeightRecord is not a known record type"),
    ],
)
def test_a_name_that_the_phone_would_not_use_is_refused(lake: Lake, tmp_path: Path, name: str, reason: str) -> None:
    (found,) = ingested(lake, export(tmp_path, name=name))
    assert found.key is None
    assert found.refused is not None
    assert found.refused.startswith(reason)
    assert contents(lake, "raw/") == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "(empty)"),
        (b"not avro", "(not_avro)"),
        (avro_bytes("steps", [steps()])[:-20], "(unreadable)"),
        (avro_bytes("blood_glucose", [blood_glucose()]), "(wrong_type)"),
    ],
)
def test_an_unreadable_export_is_refused_and_the_next_one_is_ingested(
    lake: Lake, tmp_path: Path, content: bytes, reason: str
) -> None:
    bad = tmp_path / "StepsRecord_1758406500000.avro"
    bad.write_bytes(content)
    refused, good = ingested(lake, bad, export(tmp_path))
    assert refused.refused is not None
    assert refused.refused.endswith(reason)
    assert good.is_new
    assert list(contents(lake, "raw/")) == [good.key]


def collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the digests of all contents agree in their first eight digits."""
    real = decode.content_digest
    monkeypatch.setattr(decode, "content_digest", lambda content: f"{'0' * 8}{real(content)[8:]}")
    monkeypatch.setattr(
        Lake, "sha256", lambda lake, key: decode.content_digest(found) if (found := lake.find(key)) else None
    )


@pytest.mark.parametrize("second", [EXPORTED, "1758406600000"])
def test_exports_whose_hash_digits_agree_are_both_stored(
    lake: Lake, tmp_path: Path, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    collide(monkeypatch)
    (tmp_path / "later").mkdir()
    one, other = export(tmp_path, "s1"), export(tmp_path / "later", "s2", name=f"StepsRecord_{second}.avro")
    found = ingested(lake, one, other)
    assert [item.is_new for item in found] == [True, True]
    assert sorted(contents(lake, "raw/").values()) == sorted([one.read_bytes(), other.read_bytes()])
    assert [item.key for item in ingested(lake, other, one)] == [found[1].key, found[0].key]
    assert not any(item.is_new for item in ingested(lake, one, other))
    assert [keys.parse_raw_key(key).user_id for key in contents(lake, "raw/")] == [ANNA, ANNA]


def test_an_object_that_is_there_already_is_never_replaced(lake: Lake, tmp_path: Path) -> None:
    path = export(tmp_path)
    key = key_of("steps", path.read_bytes(), upload_date=date(2025, 9, 20), exported=utc("2025-09-20 22:15:39"))
    lake.put(key, b"damaged in transit")
    (found,) = ingested(lake, path)
    assert found.is_new
    assert contents(lake, "raw/") == {key: b"damaged in transit", found.key: path.read_bytes()}


def odd_files(folder: Path) -> dict[str, Path]:
    """Make files that cannot be read as exports, each beside the others; return them by what is said of them."""
    loop = folder / "StepsRecord_1758406500001.avro"
    loop.symlink_to(loop)
    gone = folder / "StepsRecord_1758406500002.avro"
    gone.symlink_to(folder / "nothing")
    pipe = folder / "StepsRecord_1758406500003.avro"
    os.mkfifo(pipe)
    name = Path(os.fsdecode(os.fsencode(folder) + b"/jos\xe9.avro"))
    name.write_bytes(b"x")
    digits = folder / "StepsRecord_١٧٥٨٤٠٦٥٠٠٠٠٤.avro"
    digits.write_bytes(b"x")
    return {
        "it cannot be read: Too many levels of symbolic links": loop,
        "it cannot be read: No such file or directory": gone,
        "it is not an ordinary file": pipe,
        "its name is not of the form": name,
        "its name is not of the form {RecordType}": digits,
    }


def test_an_odd_file_costs_only_itself(lake: Lake, tmp_path: Path) -> None:
    odd = odd_files(tmp_path)
    (tmp_path / "StepsRecord_1758406500009.avro").mkdir()
    good = export(tmp_path)
    found = {item.path: item for item in ingested(lake, *find_exports([tmp_path]))}
    assert found.keys() == {*odd.values(), good}
    assert found[good].is_new
    for reason, path in odd.items():
        assert str(found[path].refused).startswith(reason)
    assert list(contents(lake, "raw/")) == [found[good].key]


def test_a_folder_that_cannot_be_opened_is_named_and_the_others_are_searched(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(closed))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    good = export(tmp_path)
    found = {item.path: item for item in ingested(lake, *find_exports([tmp_path]))}
    assert found[good].is_new
    assert found[closed].refused == "it is a folder that cannot be opened; check its permissions"


@pytest.mark.parametrize("failure", [PermissionError(errno.EACCES, "secret"), ZeroDivisionError("482.25")])
def test_a_file_that_fails_while_it_is_read_is_refused_without_the_error_s_text(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    bad, good = export(tmp_path, "s1", name="StepsRecord_1758406500000.avro"), export(tmp_path, "s2")
    content = bad.read_bytes()
    real_read, real_decode = Path.read_bytes, decode.decode

    def read(path: Path) -> bytes:
        if path == bad and isinstance(failure, OSError):
            raise failure
        return real_read(path)

    def decoded(found: bytes, *rest: Any) -> Any:
        if found == content:
            raise failure
        return real_decode(found, *rest)

    monkeypatch.setattr(Path, "read_bytes", read)
    monkeypatch.setattr(decode, "decode", decoded)
    refused, taken = ingested(lake, bad, good)
    said = {"PermissionError": "it cannot be read: Permission denied"}
    expected = said.get(type(failure).__name__, "ZeroDivisionError while it was read (unexpected)")
    assert (refused.refused, taken.is_new) == (expected, True)


def test_objects_whose_keys_do_not_parse_are_ignored(lake: Lake, tmp_path: Path) -> None:
    lake.put("raw/StepsRecord/2025/09/20/notes.txt", b"x")
    assert ingested(lake, export(tmp_path))[0].is_new


def test_folders_are_searched_for_exports_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    second, first = export(tmp_path / "b"), export(tmp_path)
    (tmp_path / "readme.txt").write_text("no export")
    assert find_exports([tmp_path]) == sorted([first, second])
    assert find_exports([second, first]) == [second, first]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"nothing\.avro does not exist"):
        find_exports([tmp_path / "nothing.avro"])


@pytest.mark.parametrize("user_id", ["anna_k", "anna@example.org", "4711"])
def test_names_that_are_valid_in_a_key_pass(user_id: str) -> None:
    check_names(user_id, "Pixel-8.1")


@pytest.mark.parametrize(
    ("user_id", "device", "fault"),
    [
        ("a/b", "phone", "'a/b' is not a valid user id"),
        ("", "phone", "'' is not a valid user id"),
        ("anna", "my phone", "'my phone' is not a valid device name"),
        ("anna", "a_b", "'a_b' is not a valid device name"),
        ("anna", "", "'' is not a valid device name"),
    ],
)
def test_names_that_are_invalid_in_a_key_are_refused_with_the_allowed_characters(
    user_id: str, device: str, fault: str
) -> None:
    with pytest.raises(PermanentError, match=f"{fault}; use at most"):
        check_names(user_id, device)

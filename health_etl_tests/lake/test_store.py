"""A lake stores complete objects, in memory and in a folder alike, and translates its failures."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from health_etl.errors import ObjectNotFoundError, PermanentError
from health_etl.lake.keys import mask_key
from health_etl.lake.store import Lake, connect
from health_etl.settings import Settings
from health_etl_tests.support.exports import folder_lake, memory_lake

KEY = "raw/StepsRecord/2025/09/21/anna_20250921_120000_phone_0a1b2c3d.avro"


@pytest.fixture(params=["memory", "folder"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return memory_lake() if request.param == "memory" else folder_lake(tmp_path / "lake")


def test_an_object_reads_back_as_written(lake: Lake) -> None:
    lake.put(KEY, b"\x00content\xff")
    assert lake.get(KEY) == b"\x00content\xff"
    assert lake.find(KEY) == b"\x00content\xff"
    assert lake.sha256(KEY) == hashlib.sha256(b"\x00content\xff").hexdigest()


def test_an_empty_object_is_an_object(lake: Lake) -> None:
    lake.put(KEY, b"")
    assert lake.find(KEY) == b""
    assert [info.size_bytes for info in lake.objects("raw/")] == [0]


def test_a_missing_object_raises_in_get_and_is_none_elsewhere(lake: Lake) -> None:
    with pytest.raises(ObjectNotFoundError, match=r"does not exist\.$"):
        lake.get("records/steps/2025-09-21.parquet")
    assert lake.find("raw/nothing") is None
    assert lake.sha256("raw/nothing") is None
    with pytest.raises(ObjectNotFoundError):
        lake.open("raw/nothing")


def test_a_missing_upload_is_named_without_its_user_id(lake: Lake) -> None:
    with pytest.raises(ObjectNotFoundError, match="does not exist") as caught:
        lake.get(KEY)
    assert "anna" not in str(caught.value)
    assert mask_key(KEY) in str(caught.value)


def test_a_second_put_replaces_the_object_and_its_etag(lake: Lake) -> None:
    lake.put(KEY, b"old content")
    old = lake.fetch(KEY)
    lake.put(KEY, b"new")
    new = lake.fetch(KEY)
    assert (old.content, new.content) == (b"old content", b"new")
    assert old.etag != new.etag


def test_a_listing_has_key_size_and_the_same_etag_as_a_fetch(lake: Lake) -> None:
    lake.put(KEY, b"12345")
    (info,) = lake.objects("raw/")
    assert (info.key, info.size_bytes) == (KEY, 5)
    assert info.etag
    assert info.etag == lake.fetch(KEY).etag


def test_a_listing_has_exactly_the_objects_in_the_folder(lake: Lake) -> None:
    for key in ("raw/A/1", "raw/A/b/2", "raw/AB/3", "other/4"):
        lake.put(key, b"x")
    assert sorted(info.key for info in lake.objects("raw/A/")) == ["raw/A/1", "raw/A/b/2"]
    assert lake.folders("raw/") == ["A", "AB"]
    assert lake.folders("raw/A/") == ["b"]


def test_a_missing_folder_lists_as_empty(lake: Lake) -> None:
    assert list(lake.objects("nowhere/")) == []
    assert lake.folders("nowhere/") == []


def test_a_half_written_file_of_a_killed_writer_is_not_an_object(tmp_path: Path) -> None:
    lake = folder_lake(tmp_path / "lake")
    lake.put(KEY, b"whole")
    (tmp_path / "lake" / f"{KEY}#1").write_bytes(b"hal")
    assert [info.key for info in lake.objects("raw/")] == [KEY]


WRITER = """
import sys
from pathlib import Path
from health_etl_tests.support.exports import folder_lake

lake = folder_lake(Path(sys.argv[1]))
while True:
    for letter in (b"a", b"b"):
        lake.put("big", letter * 20_000_000)
        print("put", flush=True)
"""


def test_a_killed_writer_leaves_either_the_old_or_the_new_object(tmp_path: Path) -> None:
    lake = folder_lake(tmp_path / "lake")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "lake")]
    for puts_before_the_kill in (1, 2, 4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout is not None
            for _ in range(puts_before_the_kill):
                assert writer.stdout.readline() == b"put\n"
            writer.kill()
        content = lake.get("big")
        assert len(content) == 20_000_000
        assert len(set(content)) == 1
        assert [info.key for info in lake.objects("")] == ["big"]


def test_deleting_ignores_missing_objects(lake: Lake) -> None:
    lake.put("a/1", b"x")
    lake.put("a/2", b"x")
    lake.delete(["a/1", "a/nothing"])
    assert [info.key for info in lake.objects("a/")] == ["a/2"]


def test_many_objects_arrive_in_the_given_order_with_none_for_missing_ones(lake: Lake) -> None:
    for number in range(40):
        lake.put(f"a/{number:02}", str(number).encode())
    asked = [f"a/{number:02}" for number in reversed(range(45))]
    found = dict(lake.get_many(asked))
    assert list(found) == asked
    assert [key for key, content in found.items() if content is None] == ["a/44", "a/43", "a/42", "a/41", "a/40"]
    assert found["a/07"] is not None
    assert found["a/07"].content == b"7"


def test_a_local_file_is_uploaded_completely(lake: Lake, tmp_path: Path) -> None:
    source = tmp_path / "table.parquet"
    source.write_bytes(b"p" * 100_000)
    lake.put_file("records/steps/2025-09-21.parquet", source)
    assert lake.get("records/steps/2025-09-21.parquet") == b"p" * 100_000


def test_an_opened_object_can_be_read_in_parts(lake: Lake) -> None:
    lake.put("a/1", b"0123456789")
    with lake.open("a/1") as file:
        file.seek(-3, 2)
        assert file.read() == b"789"
        file.seek(2)
        assert (file.read(3), file.tell()) == (b"234", 5)


@pytest.mark.parametrize("user", ["anna_k", "anna@example.org", "a+b", "1.2-3"])
def test_every_valid_user_id_is_stored_unchanged(lake: Lake, user: str) -> None:
    key = KEY.replace("anna", user)
    lake.put(key, b"x")
    assert [info.key for info in lake.objects("raw/")] == [key]
    assert lake.get(key) == b"x"


def test_a_working_lake_passes_its_check_which_leaves_nothing_behind(lake: Lake) -> None:
    lake.check()
    assert list(lake.objects("_doctor/")) == []


def test_a_lake_that_is_a_file_is_refused_and_the_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_bytes(b"")
    with pytest.raises(PermanentError, match="HEALTH_ETL_LAKE"):
        connect(Settings(lake=(tmp_path / "lake").as_uri())).check()


def test_a_folder_name_may_contain_a_space(tmp_path: Path) -> None:
    lake = folder_lake(tmp_path / "my lake")
    lake.put("a/1", b"x")
    assert (tmp_path / "my lake" / "a" / "1").read_bytes() == b"x"
    assert lake.uri("a/1").endswith("/my%20lake/a/1")


@pytest.mark.parametrize("name", ["c#1", "c?x", "50% of ä"])
def test_a_folder_name_that_is_encoded_in_the_url_is_decoded(tmp_path: Path, name: str) -> None:
    lakes = [connect(Settings(lake=(tmp_path / folder / "lake").as_uri())) for folder in (name, "c")]
    lakes[0].put(KEY, b"content")
    assert (tmp_path / name / "lake" / KEY).read_bytes() == b"content"
    assert [info.key for info in lakes[0].objects("raw/")] == [KEY]
    assert lakes[0].open(KEY).read() == b"content"
    assert lakes[1].find(KEY) is None

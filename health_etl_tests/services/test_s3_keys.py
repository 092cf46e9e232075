"""Whatever keys a bucket holds: one that the client library refuses ends no listing, and every other is read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.errors import ObjectRefusedError
from health_etl.lake import bucket_listing
from health_etl.lake.keys import RAW
from health_etl.lake.listed import ObjectInfo, Unaddressable, fault_of
from health_etl.lake.store import Lake, connect
from health_etl.record_types import record_types
from health_etl.settings import Settings
from health_etl.uploads.listing import TypeListing, list_all
from health_etl_tests.services.conftest import empty
from health_etl_tests.services.fault_proxy import Fault, FaultProxy, reads
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import UPLOADED, avro_bytes, key_of, steps

if TYPE_CHECKING:
    from pathlib import Path

    from health_etl_tests.conftest import CommandLine
    from health_etl_tests.services.conftest import S3Server

CONTENT = avro_bytes("steps", [steps()])
GOOD = key_of("steps", CONTENT)
DAY, NAME = GOOD.rpartition("/")[0] + "/", GOOD.rpartition("/")[2]
FIRST, LAST = date(2023, 1, 1), date(2026, 1, 1)

# A place for a bad key: after the good one's folder, before it, in other types' and in folders of outputs.
ROOTS = [
    DAY,
    "raw/",
    "raw/HeartRateRecord/2025/09/16/",
    "records/steps/",
    "insights/steps/",
    "training/",
    "quarantine/",
]
BAD = {
    "/{name}": "the name of one of its folders is empty (//)",
    "./{name}": "one of its folders is named . or ..",
    "../{name}": "one of its folders is named . or ..",
    "a\tb": "its name holds a control character",
    "a\nb": "its name holds a control character",
    "\x7f": "its name holds a control character",
}


@pytest.fixture
def lake(s3_server: S3Server, s3_bucket: str) -> Lake:
    """An empty bucket."""
    return connect(settings_of(s3_server, f"s3://{s3_bucket}"))


def settings_of(server: S3Server, url: str, endpoint: str | None = None) -> Settings:
    return Settings.model_validate(
        {
            "lake": url,
            "s3_endpoint_url": endpoint or server.endpoint_url,
            "s3_access_key_id": server.access_key_id,
            "s3_secret_access_key": server.secret_access_key,
            "s3_region": server.region,
        }
    )


def put(server: S3Server, bucket: str, keys: Iterable[str], content: bytes = b"x") -> None:
    """Put objects as any other client might."""
    with closing(server.client()) as client:
        for key in keys:
            client.put_object(Bucket=bucket, Key=key, Body=content)


def listed(lake: Lake) -> tuple[list[str], dict[str, str]]:
    found = [*lake.everything(RAW)]
    keys = [item.key for item in found if isinstance(item, ObjectInfo)]
    return keys, {item.info.key: item.detail for item in found if isinstance(item, Unaddressable)}


@pytest.mark.parametrize(("bad", "detail"), BAD.items())
def test_a_key_that_cannot_be_addressed_ends_no_listing(
    lake: Lake, s3_server: S3Server, s3_bucket: str, bad: str, detail: str
) -> None:
    put(s3_server, s3_bucket, [f"{root}{bad.format(name=NAME)}" for root in ROOTS], CONTENT)
    put(s3_server, s3_bucket, [GOOD, f"{DAY}zzz"], CONTENT)
    keys, strange = listed(lake)
    assert keys == [GOOD, f"{DAY}zzz"]
    assert strange == {f"{root}{bad.format(name=NAME)}": detail for root in ROOTS if root.startswith(RAW)}
    for root in ROOTS:
        assert [info.key for info in lake.objects(root)] == [key for key in keys if key.startswith(root)]
    assert lake.folders(RAW) == (["HeartRateRecord", "StepsRecord"])
    assert lake.folders(DAY) == []


def test_a_page_after_a_bad_one_is_complete(
    lake: Lake, s3_server: S3Server, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_listing, "PAGE_OBJECTS", 3)
    bad = [f"{DAY}{number}//x" for number in (2, 4, 5, 6, 7)]
    good = [f"{DAY}{number}" for number in range(10)]
    put(s3_server, s3_bucket, [*good, *bad])
    keys, strange = listed(lake)
    assert keys == good
    assert [*strange] == [*bad]


@pytest.mark.parametrize("most", [20, 0])
def test_folder_markers_are_neither_uploads_nor_unclaimed(
    lake: Lake, s3_server: S3Server, s3_bucket: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_listing, "MAX_QUESTIONS", most)
    put(s3_server, s3_bucket, [RAW, "raw/StepsRecord/", DAY, f"{DAY}upload.avro/", f"{DAY}empty"], b"")
    put(s3_server, s3_bucket, [GOOD], CONTENT)
    assert listed(lake) == ([GOOD, f"{DAY}empty"], {})
    listing = list_all(lake, FIRST, LAST)
    assert [item.info.key for item in listing.unclaimed] == [f"{DAY}empty"]


def test_a_slash_in_front_is_not_passed_over(lake: Lake, s3_server: S3Server, s3_bucket: str) -> None:
    put(s3_server, s3_bucket, [GOOD, f"/{GOOD}", "/other"])
    (item,) = list_all(lake, FIRST, LAST).unclaimed
    assert (item.info.key, item.detail, item.is_addressable) == (
        f"/{GOOD}",
        "the name of one of its folders is empty (//)",
        False,
    )
    inside = connect(settings_of(s3_server, f"s3://{s3_bucket}/team"))
    put(s3_server, s3_bucket, [f"team/{GOOD}", f"team//{GOOD}"])
    assert [item.info.key for item in list_all(inside, FIRST, LAST).unclaimed] == [f"/{GOOD}"]


def test_an_object_whose_name_ends_in_a_slash_is_refused_and_not_taken_for_another(
    lake: Lake, s3_server: S3Server, s3_bucket: str
) -> None:
    put(s3_server, s3_bucket, [f"{GOOD}/"], CONTENT)
    (found,) = (found for _, found in lake.get_many([GOOD]))
    assert isinstance(found, ObjectRefusedError)
    assert found.answer == "its name ends in /"
    assert [found for _, found in lake.get_many([f"{DAY}nothing"])] == [None]


def test_a_refused_object_is_handed_back_among_the_others(
    s3_server: S3Server, s3_bucket: str, proxy: FaultProxy
) -> None:
    lake = connect(settings_of(s3_server, f"s3://{s3_bucket}", proxy.url))
    put(s3_server, s3_bucket, ["raw/a", "raw/b", "raw/c"])
    proxy.fail(Fault(status=403, code="InvalidObjectState"), reads("/raw/b"))
    found = dict(lake.get_many(["raw/a", "raw/b", "raw/nothing", "raw/c"]))
    refused = found["raw/b"]
    assert isinstance(refused, ObjectRefusedError)
    assert refused.answer == "InvalidObjectState"
    assert found["raw/nothing"] is None
    assert [getattr(found[key], "content", None) for key in ("raw/a", "raw/c")] == [b"x", b"x"]


# Any character that S3 takes in a key, above all what stores treat in a way of their own.
KEYS = st.lists(
    st.one_of(
        st.sampled_from(
            ["/", "//", ".", "..", "%41", "%2F", "#", "?", " ", "+", "\t", "\n", "\\", "é", "e\u0301", "😀"]
        ),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
        st.just(NAME),
    ),
    min_size=1,
    max_size=6,
).map("".join)


@hypothesis_profiles.end_to_end_profile()
@given(names=st.sets(KEYS, min_size=1, max_size=6))
def test_every_object_is_read_by_a_partition_or_unclaimed_or_a_folder_marker(
    names: set[str], s3_server: S3Server, module_bucket: str
) -> None:
    keys = [f"{DAY}{name}" for name in names]
    with closing(s3_server.client()) as client:
        empty(client, module_bucket)
        put(s3_server, module_bucket, keys)
        stored = {entry["Key"] for entry in client.list_objects_v2(Bucket=module_bucket).get("Contents", [])}
    lake = connect(settings_of(s3_server, f"s3://{module_bucket}"))
    listing = list_all(lake, FIRST, LAST)
    uploads = [upload.info.key for found in listing.uploads.values() for upload in found]
    assert uploads == [upload.info.key for upload in TypeListing(lake, record_types()["steps"]).uploads(UPLOADED)]
    strange = {item.info.key for item in listing.unclaimed if not item.is_addressable}
    plain = {item.info.key for item in listing.unclaimed if item.is_addressable} | {*uploads}
    # A non-empty object whose name ends in a slash is recognised only when it is read.
    ending = {key for key in stored if key.endswith("/") and fault_of(key.removesuffix("/")) is None}
    assert strange >= {key for key in stored if fault_of(key) is not None} - ending
    assert {key for key in stored if fault_of(key) is None} <= plain
    for key, found in lake.get_many(sorted(plain)):
        is_there = key in stored
        assert isinstance(found, ObjectRefusedError) is not is_there


@pytest.mark.parametrize(
    "bad", [f"{DAY}/{NAME}", f"insights//{NAME}", f"records/./{NAME}", f"raw/HeartRateRecord/\t{NAME}"]
)
def test_a_run_takes_in_what_is_good_beside_a_key_that_cannot_be_addressed(
    command_line: type[CommandLine], tmp_path: Path, s3_server: S3Server, s3_bucket: str, bad: str
) -> None:
    command = command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})
    put(s3_server, s3_bucket, [GOOD, bad], CONTENT)
    ran = command("run", "--type", "steps")
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert "1 file read" in ran.stdout
    found = [line for line in ran.stdout.splitlines() if line.startswith("Unclaimed")]
    assert len(found) == bad.startswith(RAW)
    assert [line for line in found if NAME in line or "(key_unparseable)" not in line] == []
    assert "Everything was up to date" in command("run", "--type", "steps").stdout
    doctor = command("doctor").stdout
    assert ("1 belongs to no partition" in doctor) is bad.startswith(RAW)
    assert NAME not in doctor


def test_the_reported_double_slash_is_named_and_its_neighbour_taken_in(
    command_line: type[CommandLine], tmp_path: Path, s3_server: S3Server, s3_bucket: str, shared: Path
) -> None:
    content = (next(shared.glob("reports/*-double-slash-key")) / "good.avro").read_bytes()
    day = "raw/StepsRecord/2025/09/16/"
    put(s3_server, s3_bucket, [f"{day}{user}_20250916_060000_phone_2d429326.avro" for user in ("ok", "/u2")], content)
    command = command_line(tmp_path, {**s3_server.environment(), "HEALTH_ETL_LAKE": f"s3://{s3_bucket}"})
    ran = command("run", "--type", "steps")
    assert (ran.exit_code, ran.stderr) == (0, "")
    (named,) = [line for line in ran.stdout.splitlines() if line.startswith("Unclaimed")]
    assert "the name of one of its folders is empty (//)" in named
    assert "1 file read" in ran.stdout
    assert "u2" not in ran.stdout

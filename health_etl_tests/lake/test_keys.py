"""Raw keys are parsed from the right, in every form that uploads have, and masking never reveals the user id."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from health_etl.lake import keys
from health_etl.lake.keys import KeyRefusedError, RawKey, parse_raw_key
from health_etl.record_types import record_types
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()

DIGEST = "0123456789abcdef" * 4
STAMPED = "raw/BloodGlucoseRecord/2025/09/21/anna_20250920_221539_pixel-8_0a1b2c3d.avro"

# Anything that ingest accepts in a key, including underscores and parts that look like other parts.
USER_IDS = st.one_of(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,40}", fullmatch=True),
    st.sampled_from(["a_20250101_120000_phone", "x_1758407139312", "me_20250101_120000_d_abcdef12", "a__b_"]),
)


def test_a_timestamped_key_has_user_time_device_and_hash() -> None:
    raw = parse_raw_key(STAMPED)
    assert raw.user_id == "anna"
    assert raw.upload_date == date(2025, 9, 21)
    assert raw.exported_utc == datetime(2025, 9, 20, 22, 15, 39, tzinfo=UTC)
    assert raw.device == "pixel-8"
    assert raw.content_hash == "0a1b2c3d"
    assert raw.record_type is not None
    assert raw.record_type.name == "blood_glucose"


@pytest.mark.parametrize("epoch", ["1758406539", "1758406539000"], ids=["seconds", "milliseconds"])
def test_an_epoch_key_has_user_and_time_but_no_device(epoch: str) -> None:
    raw = parse_raw_key(f"raw/StepsRecord/2025/09/20/anna_{epoch}_0A1B2C3D.avro")
    assert raw.user_id == "anna"
    assert raw.exported_utc == datetime(2025, 9, 20, 22, 15, 39, tzinfo=UTC)
    assert raw.device is None
    assert raw.content_hash == "0a1b2c3d"


@pytest.mark.parametrize("user", ["anna_k", "a_b_c", "anna_20250101_120000_phone", "_", "42"])
def test_a_user_id_may_contain_underscores_and_something_like_a_time(user: str) -> None:
    raw = parse_raw_key(f"raw/StepsRecord/2025/09/21/{user}_20250920_221539_pixel_0a1b2c3d.avro")
    assert raw.user_id == user
    assert raw.device == "pixel"


@pytest.mark.parametrize("folder", ["BloodGlucoseRecord", "bloodglucoserecord", "BLOODGLUCOSERECORD"])
def test_the_type_folder_is_case_insensitive(folder: str) -> None:
    record_type = parse_raw_key(STAMPED.replace("BloodGlucoseRecord", folder)).record_type
    assert record_type is not None
    assert record_type.name == "blood_glucose"


def test_a_key_of_an_unknown_type_parses_without_a_record_type() -> None:
    assert parse_raw_key(STAMPED.replace("BloodGlucoseRecord", "WeightRecord")).record_type is None


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("raw/BloodGlucoseRecord/2025/09/anna_20250920_221539_p_0a1b2c3d.avro", "the key is not raw/"),
        ("raw/BloodGlucoseRecord/2025/09/21/sub/anna_20250920_221539_p_0a1b2c3d.avro", "the key is not raw/"),
        ("raw/BloodGlucoseRecord/2025/13/21/anna_20250920_221539_p_0a1b2c3d.avro", "are not a date of the form"),
        ("raw/BloodGlucoseRecord/2025/02/29/anna_20250920_221539_p_0a1b2c3d.avro", "are not a date of the form"),
        ("raw/BloodGlucoseRecord/2025/9/21/anna_20250920_221539_p_0a1b2c3d.avro", "are not a date of the form"),
        ("raw/BloodGlucoseRecord/2025/09/21/anna_20250920_221539_p_0a1b2c3d.json", "the name is neither"),
        ("raw/BloodGlucoseRecord/2025/09/21/anna_20250920_221539_p.avro", "the name is neither"),
        ("raw/BloodGlucoseRecord/2025/09/21/anna_20250920_221539_p_nothexes.avro", "the name is neither"),
        ("raw/BloodGlucoseRecord/2025/09/21/_20250920_221539_p_0a1b2c3d.avro", "the name is neither"),
        ("raw/BloodGlucoseRecord/2025/09/21/.avro", "the name is neither"),
        ("raw/BloodGlucoseRecord/2025/09/21/anna_20250931_221539_p_0a1b2c3d.avro", "is not a valid time"),
        ("raw/BloodGlucoseRecord/2025/09/21/anna_20250920_246060_p_0a1b2c3d.avro", "is not a valid time"),
    ],
)
def test_a_key_that_does_not_parse_is_refused_with_the_reason(key: str, reason: str) -> None:
    with pytest.raises(KeyRefusedError, match=reason):
        parse_raw_key(key)


def parses(key: str) -> bool:
    try:
        parse_raw_key(key)
    except KeyRefusedError:
        return False
    return True


NAME_PARTS = st.sampled_from(
    [
        *("anna", "pixel-8", "20250920", "20250931", "00000101", "221539", "240000", "1758406539", "1758406539000"),
        *("0a1b2c3d", "0A1B2C3D", "nothex", "", "a b", "x\ny", "x/y", "٢٠٢٥٠٩٢٠"),
    ]
)

ENDINGS = st.sampled_from([".avro", ".avro", ".avro\n", ".json"])


@profile
@given(parts=st.lists(NAME_PARTS, min_size=1, max_size=7), ending=ENDINGS)
def test_a_name_is_an_upload_name_exactly_when_its_key_parses(parts: list[str], ending: str) -> None:
    name = "_".join(parts) + ending
    assert keys.is_upload_name(name) == parses(f"raw/StepsRecord/2025/09/21/{name}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anna_20250920_221539_pixel_0a1b2c3d.avro", True),
        ("anna_20250920_221539_pixel_8_0a1b2c3d.avro", True),
        ("anna_k_20250920_221539_20250931_221539_pixel_0a1b2c3d.avro", False),
        ("anna_20250931_221539_20250920_221539_pixel_0a1b2c3d.avro", True),
        ("anna_1758406539_0a1b2c3d.avro", True),
        ("anna_20250931_221539_pixel_0a1b2c3d.avro", False),
        ("anna_20250920_240000_pixel_0a1b2c3d.avro", False),
        ("sub/anna_20250920_221539_pixel_0a1b2c3d.avro", False),
        ("notes.txt", False),
    ],
)
def test_upload_names_are_distinguished_from_other_names(name: str, expected: bool) -> None:
    assert keys.is_upload_name(name) is expected is parses(f"raw/StepsRecord/2025/09/21/{name}")


@profile
@given(
    avro_name=st.sampled_from([record_type.avro_name for record_type in record_types().values()]),
    upload_date=st.dates(date(1000, 1, 1)),
    user=USER_IDS,
    device=st.from_regex(r"[A-Za-z0-9.-]{1,20}", fullmatch=True),
    exported=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_a_key_reads_back_as_it_was_made_and_is_made_again_from_what_was_read(
    avro_name: str, upload_date: date, user: str, device: str, exported: datetime
) -> None:
    made = exported.replace(microsecond=0, tzinfo=UTC)
    key = keys.raw_key(avro_name, upload_date, user, made, device, DIGEST)
    raw = parse_raw_key(key)
    assert (raw.user_id, raw.device, raw.exported_utc) == (user, device, made)
    assert (raw.upload_date, raw.content_hash) == (upload_date, DIGEST[:8])
    assert keys.raw_key(raw.type_folder, raw.upload_date, user, raw.exported_utc, device, raw.content_hash) == key


def built_again(raw: RawKey) -> set[str]:
    """Every key that says what `raw` says, in the forms that uploads have; the hash in small letters."""
    folder = f"raw/{raw.type_folder}/{raw.upload_date.isoformat().replace('-', '/')}"
    moment = raw.exported_utc
    if raw.device is not None:
        stamp = moment.strftime("%m%d_%H%M%S")
        return {f"{folder}/{raw.user_id}_{moment.year:04}{stamp}_{raw.device}_{raw.content_hash}.avro"}
    epoch_ms = round(moment.timestamp() * 1000)
    epochs = {f"{epoch_ms // 1000:010}", f"{epoch_ms:013}"}
    return {f"{folder}/{raw.user_id}_{epoch}_{raw.content_hash}.avro" for epoch in epochs}


def is_written_as_an_upload(key: str) -> bool:
    """Whether a key is one of an upload, read part by part from the right with neither pattern nor parser."""
    root, _, *day, name = [*key.split("/"), "", "", "", "", ""][:6]
    if key.count("/") != 5 or root != "raw" or "\n" in name or not name.endswith(".avro"):
        return False
    digits = "0123456789"
    parts = name.removesuffix(".avro").split("_")
    if not 6 <= len(parts[-1]) <= 64 or parts[-1].strip("0123456789abcdefABCDEF"):
        return False

    def is_number(text: str, *lengths: int) -> bool:
        return len(text) in lengths and not text.strip(digits)

    def exists(*numbers: str) -> bool:
        try:
            datetime(*map(int, numbers))  # type: ignore[arg-type]  # noqa: DTZ001 - only asked whether there is one
        except ValueError:
            return False
        return True

    if [len(part) for part in day] != [4, 2, 2] or "".join(day).strip(digits) or not exists(*day):
        return False
    for at in range(len(parts) - 4, 0, -1):
        stamp, clock, device, user = parts[at], parts[at + 1], parts[at + 2 : -1], parts[:at]
        if is_number(stamp, 8) and is_number(clock, 6) and "_".join(device) and "_".join(user):
            return exists(stamp[:4], stamp[4:6], stamp[6:], clock[:2], clock[2:4], clock[4:])
    return len(parts) > 2 and is_number(parts[-2], 10, 13) and "_".join(parts[:-2]) != ""


FOLDER_PARTS = [
    st.sampled_from(["raw", "raw", "raw", "Raw", "records"]),
    st.sampled_from(["StepsRecord", "stepsrecord", "WeightRecord", ""]),
    st.sampled_from(["2025", "2025", "2025", "0001", "0000", "25", "٢٠٢٥"]),
    st.sampled_from(["09", "09", "09", "13", "9", "٠٩"]),
    st.sampled_from(["21", "21", "21", "31", "2", "٢١", "21/22"]),
]


@profile
@given(folder=st.tuples(*FOLDER_PARTS), parts=st.lists(NAME_PARTS, min_size=1, max_size=7), ending=ENDINGS)
@example(("raw", "StepsRecord", "2025", "09", "21"), ["a", "20250920", "221539", "p", "0A1B2C3D"], ".avro")
@example(("raw", "StepsRecord", "2025", "09", "21"), ["a", "1758406539001", "0a1b2c3d"], ".avro")
@example(("raw", "StepsRecord", "٢٠٢٥", "09", "21"), ["a", "1758406539", "0a1b2c3d"], ".avro")
@example(("raw", "StepsRecord", "2025", "09", "21"), ["a", "1758406539", "0a1b2c3d"], ".avro\n")
@example(("Raw", "StepsRecord", "2025", "09", "21"), ["a", "1758406539", "0a1b2c3d"], ".avro")
def test_a_key_parses_just_when_it_can_be_built_again_from_what_it_says(
    folder: tuple[str, ...], parts: list[str], ending: str
) -> None:
    key = "/".join([*folder, "_".join(parts) + ending])
    assert parses(key) == is_written_as_an_upload(key)
    if parses(key):
        before_hash, _, content_hash = key.rpartition("_")
        assert f"{before_hash}_{content_hash.lower()}" in built_again(parse_raw_key(key))


@pytest.mark.parametrize("key", [STAMPED, "raw/bloodglucoserecord/2025/09/21/anna's export.avro"])
def test_a_masked_key_keeps_the_record_type_the_upload_date_and_a_fingerprint(key: str) -> None:
    fingerprint = f"upload-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    assert keys.fingerprint(key) == fingerprint
    assert keys.mask_key(key) == f"raw/BloodGlucoseRecord/2025/09/21/{fingerprint}"


@pytest.mark.parametrize(
    "key",
    [
        "raw/anna/2025/09/21/steps.avro",
        "raw/StepsRecord/2025/09/anna/steps.avro",
        "raw/StepsRecord/4915/1234/5678/steps.avro",
        "raw/StepsRecord/2025/09/٢١/steps.avro",
        "raw/StepsRecord/2025/09/21/anna/steps.avro",
        "raw/anna.avro",
        "raw/StepsRecord/2025/09/anna\udce9/steps.avro",
    ],
)
def test_of_a_folder_that_is_no_partition_a_masked_key_keeps_nothing(key: str) -> None:
    assert re.fullmatch(r"raw/… upload-[0-9a-f]{12}", keys.mask_key(key))


NAMES = ["anna_20250920_221539_p_0a1b2c3d.avro", "x" * 250, "é" * 127, "日" * 340, ".metadata.json", "\udce9\n"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("folder", ["raw/StepsRecord/2025/09/21", "raw/" + "/".join(["f" * 99] * 9)])
def test_whatever_an_object_is_called_what_is_kept_about_it_has_a_short_name(folder: str, name: str) -> None:
    source = f"{folder}/{name}"
    found = [keys.unclaimed_key(source)]
    if "StepsRecord" in folder:
        found += [keys.quarantine_key(source), keys.release_key(source, datetime(2025, 9, 21, tzinfo=UTC))]
    for key in found:
        assert key.isascii()
        assert keys.key_hash(source) in key
        assert len(f"{key}.metadata.json".rpartition("/")[2]) <= 255
        assert len(key) <= 300


def test_two_long_names_that_start_alike_are_kept_apart() -> None:
    one, other = (f"raw/StepsRecord/2025/09/21/{'x' * 200}{end}_20250920_221539_p_0a1b2c3d.avro" for end in "ab")
    assert keys.quarantine_key(one) != keys.quarantine_key(other)
    assert keys.unclaimed_key(one) != keys.unclaimed_key(other)
    assert keys.released_hash(keys.release_key(one, datetime(2025, 9, 21, tzinfo=UTC))) == keys.key_hash(one)


def test_an_object_that_has_the_name_of_a_copy_gets_another_itself() -> None:
    copy = keys.quarantine_key(STAMPED)
    assert keys.quarantine_key(copy.replace("quarantine/", "raw/", 1)) != copy


def test_a_decision_that_was_named_after_the_whole_file_is_still_found() -> None:
    old = STAMPED.replace("raw/", "quarantine/released/") + ".20250922T101112_000001.release.json"
    assert keys.released_hash(old) == keys.key_hash(STAMPED)
    assert keys.release_time(old) == "20250922T101112_000001"
    assert keys.release_time(keys.release_key(STAMPED, datetime(2025, 9, 23, tzinfo=UTC))) == "20250923T000000_000000"


@pytest.mark.parametrize("user", ["a", "anna_k", "anna@example.org", "1-2+3.4", "x" * 128])
def test_a_user_id_that_is_valid_in_a_key_is_accepted(user: str) -> None:
    assert keys.USER_ID.match(user)


@pytest.mark.parametrize("user", ["", "_anna", "a/b", "a b", "ä", "x" * 129, "../up", "anna\n"])
def test_a_user_id_that_would_break_a_key_is_refused(user: str) -> None:
    assert not keys.USER_ID.match(user)


def test_outputs_have_the_documented_keys() -> None:
    assert re.fullmatch(
        r"quarantine/BloodGlucoseRecord/2025/09/21/anna_20250920_221539_pixel-8_0a1b2c3d-[0-9a-f]{32}\.avro",
        keys.quarantine_key(STAMPED),
    )
    assert re.fullmatch(r"quarantine/unclaimed/my-notes-[0-9a-f]{32}\.txt", keys.unclaimed_key("raw/a/b/my notes.txt"))
    sha256 = hashlib.sha256(b"table").hexdigest()
    steps = keys.records_folder("steps", "2025-09-21")
    assert keys.table_key(steps, sha256) == f"records/steps/2025-09-21/{sha256[:32]}.parquet"
    assert keys.manifest_key(steps, 3) == "records/steps/2025-09-21/000003.manifest.json"
    rejected = keys.table_key(keys.rejected_prefix("StepsRecord", "2025-09-21"), sha256)
    assert rejected == f"quarantine/StepsRecord/2025/09/21/rejected_rows-{sha256[:32]}.parquet"
    assert keys.insights_folder("steps", "2025-09-21") == "insights/steps/2025-09-21/"
    assert keys.journal_key("sleep_wellness", "2025-09") == (
        "training/sleep_wellness/2025/09/health_journal_2025_09.jsonl"
    )
    assert keys.journal_folder("sleep_wellness", "2025-09") == "training/sleep_wellness/2025/09/"


@pytest.mark.parametrize("number", [1, 42, 999_999, 1_000_000])
def test_the_number_of_a_manifest_is_read_from_its_name(number: int) -> None:
    assert keys.manifest_number(keys.manifest_key("", number)) == number


@pytest.mark.parametrize("name", ["1.manifest.json", "latest.manifest.json", "000001.json", "x000001.manifest.json"])
def test_other_names_are_no_manifests(name: str) -> None:
    assert keys.manifest_number(name) is None

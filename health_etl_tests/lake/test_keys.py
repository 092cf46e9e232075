"""Raw keys are parsed from the right, in every form that uploads have, and masking never reveals the user id."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from health_etl.lake import keys
from health_etl.lake.keys import KeyRefusedError, parse_raw_key

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
        ("raw/BloodGlucoseRecord/2025/13/21/anna_20250920_221539_p_0a1b2c3d.avro", "2025/13/21 is not a date"),
        ("raw/BloodGlucoseRecord/2025/02/29/anna_20250920_221539_p_0a1b2c3d.avro", "2025/02/29 is not a date"),
        ("raw/BloodGlucoseRecord/2025/9/21/anna_20250920_221539_p_0a1b2c3d.avro", "2025/9/21 is not a date"),
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


@settings(max_examples=400, deadline=None, derandomize=True)
@given(parts=st.lists(NAME_PARTS, min_size=1, max_size=7), ending=st.sampled_from([".avro", ".avro\n", ".json"]))
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


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    user=USER_IDS,
    device=st.from_regex(r"[A-Za-z0-9.-]{1,20}", fullmatch=True),
    exported=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_a_key_round_trips(user: str, device: str, exported: datetime) -> None:
    made = exported.replace(microsecond=0, tzinfo=UTC)
    key = keys.raw_key("HeartRateRecord", date(2025, 9, 21), user, made, device, DIGEST)
    raw = parse_raw_key(key)
    assert (raw.user_id, raw.device, raw.exported_utc) == (user, device, made)
    assert (raw.upload_date, raw.content_hash) == (date(2025, 9, 21), DIGEST[:8])
    assert keys.mask_key(key, "SUBJECT") == key.replace(f"/{user}_{made:%Y}", f"/SUBJECT_{made:%Y}")


def test_a_masked_key_keeps_everything_but_the_user_id() -> None:
    masked = keys.mask_key(STAMPED.replace("anna", "anna_20250101_120000_x"), "f00d")
    assert masked == "raw/BloodGlucoseRecord/2025/09/21/f00d_20250920_221539_pixel-8_0a1b2c3d.avro"


def test_masking_a_key_that_does_not_parse_hides_the_whole_name() -> None:
    assert keys.mask_key("raw/BloodGlucoseRecord/2025/09/21/anna's export.avro") == (
        "raw/BloodGlucoseRecord/2025/09/21/…"
    )


@pytest.mark.parametrize("user", ["a", "anna_k", "anna@example.org", "1-2+3.4", "x" * 128])
def test_a_user_id_that_is_valid_in_a_key_is_accepted(user: str) -> None:
    assert keys.USER_ID.match(user)


@pytest.mark.parametrize("user", ["", "_anna", "a/b", "a b", "ä", "x" * 129, "../up", "anna\n"])
def test_a_user_id_that_would_break_a_key_is_refused(user: str) -> None:
    assert not keys.USER_ID.match(user)


def test_outputs_have_the_documented_keys() -> None:
    assert keys.quarantine_key(STAMPED) == STAMPED.replace("raw/", "quarantine/", 1)
    assert keys.records_key("steps", "2025-09-21") == "records/steps/2025-09-21.parquet"
    assert keys.manifest_key("records/steps/2025-09-21.parquet") == "records/steps/2025-09-21.manifest.json"
    assert keys.rejected_key("StepsRecord", "2025-09-21") == "quarantine/StepsRecord/2025/09/21/rejected_rows.parquet"
    assert keys.insights_key("steps", "2025-09-21") == "insights/steps/2025-09-21.parquet"
    assert keys.journal_key("sleep_wellness", "2025-09") == (
        "training/sleep_wellness/2025/09/health_journal_2025_09.jsonl"
    )
    assert keys.journal_manifest_key("sleep_wellness", "2025-09") == "training/sleep_wellness/2025/09/manifest.json"

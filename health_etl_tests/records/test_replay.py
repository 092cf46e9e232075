"""Releasing quarantined uploads: what a decision accepts, what it cannot, and how it is revoked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from health_etl.errors import PermanentError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import key_hash, mask_key, quarantine_key
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl.reasons import FileReason
from health_etl.record_types import record_types
from health_etl.records import checks as records_checks
from health_etl.records import replay
from health_etl.records.quality import QualityRules
from health_etl.records.replay import QuarantinedUpload
from health_etl.uploads import releases
from health_etl_tests.support.exports import (
    ANNA,
    BEN,
    NOON,
    UPLOADED,
    avro_bytes,
    blood_glucose,
    contents,
    key_of,
    memory_lake,
    put,
    put_content,
    utc,
)
from health_etl_tests.support.pipeline import files_of, records_of, rejected_of, update_records

GLUCOSE = "blood_glucose"
IN_2031 = utc("2031-01-01 00:00")
WHY = "the meter was checked"


@pytest.fixture
def lake() -> Lake:
    return memory_lake()


def everything(lake: Lake) -> list[QuarantinedUpload]:
    return replay.list_quarantined(lake, Catalogue(lake), lambda *_: True)


def decide(lake: Lake, *names: str, override: bool = False, because: str = "") -> None:
    replay.release(lake, replay.find_by_name(everything(lake), names), override, because)


def bring_up_to_date(lake: Lake) -> None:
    """Update the partition; every row must be accounted for and every decision applied."""
    update_records(lake, GLUCOSE)
    found = records_checks.partitions(lake, record_types()[GLUCOSE], [UPLOADED.isoformat()], QualityRules())
    for _, partition in found:
        assert records_checks.accounting(partition).passed
        assert records_checks.freshness(partition).passed


def override(lake: Lake, *names: str) -> None:
    decide(lake, *names, override=True, because=WHY)
    bring_up_to_date(lake)


def entry(lake: Lake, key: str) -> FileEntry:
    (found,) = [entry for entry in files_of(lake, GLUCOSE) if entry.key == key]
    return found


def wild_rows(lake: Lake) -> str:
    """Upload a file with three good readings and two out of range."""
    good = [blood_glucose(f"g{n}", NOON + timedelta(minutes=n)) for n in range(3)]
    return put(lake, GLUCOSE, [*good, *(blood_glucose(f"w{n}", NOON, mg_dl=700.0 + n) for n in range(2))])


def wrong_hash(lake: Lake) -> str:
    key = key_of(GLUCOSE, b"other bytes", user_id=BEN)
    lake.put(key, avro_bytes(GLUCOSE, [blood_glucose("b1"), blood_glucose("b2", NOON + timedelta(minutes=1))]))
    return key


def only_wild(lake: Lake) -> str:
    return put(lake, GLUCOSE, [blood_glucose(f"o{n}", mg_dl=700.0) for n in range(4)])


def low_quality(lake: Lake) -> str:
    """Upload a file with one good reading and four with an impossible time and value."""
    return put(lake, GLUCOSE, [*(blood_glucose(f"l{n}", IN_2031, 700.0) for n in range(4)), blood_glucose("fine")])


def late(lake: Lake) -> str:
    return put(lake, GLUCOSE, [blood_glucose("t1", IN_2031), blood_glucose("t2")])


def only_late(lake: Lake) -> str:
    return put(lake, GLUCOSE, [blood_glucose("t1", IN_2031)])


def not_avro(lake: Lake) -> str:
    return put_content(lake, GLUCOSE, b"no Avro at all")


Put = Callable[[Lake], str]


@pytest.mark.parametrize(
    ("put_file", "before", "after"),
    [
        (wild_rows, (5, 3, 0, 2), (5, 5, 0, 0)),
        (wrong_hash, (0, 0, 0, 0), (2, 2, 0, 0)),
        (only_wild, (4, 0, 0, 4), (4, 4, 0, 0)),
        (low_quality, (5, 0, 0, 5), (5, 1, 0, 4)),
    ],
    ids=["rows out of range", "hash mismatch", "no row in range", "low quality"],
)
def test_an_override_accepts_what_a_person_may_overrule(
    lake: Lake, put_file: Put, before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    key = put_file(lake)
    bring_up_to_date(lake)
    assert entry(lake, key).counts == before
    override(lake, key)
    found = entry(lake, key)
    assert (found.counts, found.reason) == (after, None)
    assert len(records_of(lake, GLUCOSE)) == after[1]
    assert quarantine_key(key) not in contents(lake, "quarantine/")


def test_an_override_of_a_file_of_low_quality_leaves_the_impossible_times_in_quarantine(lake: Lake) -> None:
    key = low_quality(lake)
    bring_up_to_date(lake)
    override(lake, key)
    assert set(rejected_of(lake, GLUCOSE)["faults"]) == {"time_utc:time_implausible"}


@pytest.mark.parametrize(
    ("put_file", "reason"),
    [(late, "time_utc:time_implausible"), (only_late, "no_good_rows"), (not_avro, "not_avro")],
)
def test_faults_that_nobody_can_overrule_are_not_released_by_override(lake: Lake, put_file: Put, reason: str) -> None:
    key = put_file(lake)
    bring_up_to_date(lake)
    with pytest.raises(PermanentError, match="cannot be released by override") as caught:
        decide(lake, key, override=True, because=WHY)
    assert reason in str(caught.value)
    assert ANNA not in str(caught.value)
    assert releases.latest(lake) == {}


def test_if_one_file_cannot_be_released_none_is(lake: Lake) -> None:
    keys = [wild_rows(lake), not_avro(lake)]
    bring_up_to_date(lake)
    with pytest.raises(PermanentError, match="not_avro"):
        decide(lake, *keys, override=True, because=WHY)
    assert releases.latest(lake) == {}


@pytest.mark.parametrize("because", ["", "  \n"])
def test_an_override_without_a_reason_is_refused(lake: Lake, because: str) -> None:
    key = wild_rows(lake)
    bring_up_to_date(lake)
    with pytest.raises(PermanentError, match="An override needs a reason"):
        decide(lake, key, override=True, because=because)
    assert releases.latest(lake) == {}


def test_the_decision_is_kept_with_its_reason_and_the_bytes_it_is_about(lake: Lake) -> None:
    key = wild_rows(lake)
    bring_up_to_date(lake)
    decide(lake, key, override=True, because=f"  {WHY} ")
    kept = json.loads(lake.get(releases.latest(lake)[key_hash(key)].key))
    assert (kept["source_key"], kept["override"], kept["because"]) == (key, True, WHY)
    assert kept["content_sha256"] == lake.sha256(key)
    assert kept["decided_utc"].endswith("+00:00")


def test_every_decision_is_kept_and_the_latest_applies(lake: Lake) -> None:
    key, other = wild_rows(lake), wrong_hash(lake)
    bring_up_to_date(lake)
    override(lake, key)
    first = contents(lake, "quarantine/released/")
    decide(lake, key)
    decide(lake, other)
    bring_up_to_date(lake)
    decide(lake, key, override=True, because="checked again")
    decisions = [(decision.override, decision.because) for decision in releases.history(lake, key) if decision]
    assert decisions == [(True, WHY), (False, ""), (True, "checked again")]
    assert first.items() < contents(lake, "quarantine/released/").items()
    bring_up_to_date(lake)
    assert entry(lake, key).quarantined == 0
    assert len(releases.history(lake, other)) == 1


def test_a_release_without_override_needs_no_reason_and_changes_nothing_unless_the_rules_changed(lake: Lake) -> None:
    key = not_avro(lake)
    bring_up_to_date(lake)
    decide(lake, key)
    bring_up_to_date(lake)
    assert entry(lake, key).reason == FileReason.NOT_AVRO
    assert entry(lake, key).release_etag is not None


@pytest.mark.parametrize("put_file", [wild_rows, wrong_hash, only_wild, low_quality])
def test_a_release_without_override_revokes_an_earlier_override(lake: Lake, put_file: Put) -> None:
    key = put_file(lake)
    bring_up_to_date(lake)
    before = entry(lake, key)
    override(lake, key)
    decide(lake, key)
    bring_up_to_date(lake)
    found = entry(lake, key)
    assert (found.counts, found.reason, found.faults) == (before.counts, before.reason, before.faults)
    assert (quarantine_key(key) in contents(lake, "quarantine/")) == (before.reason is not None)


def test_a_decision_does_not_apply_to_changed_bytes(lake: Lake) -> None:
    key = wild_rows(lake)
    bring_up_to_date(lake)
    override(lake, key)
    changed = avro_bytes(GLUCOSE, [blood_glucose("n1"), blood_glucose("n2", mg_dl=701.0)])
    other = key_of(GLUCOSE, changed)
    lake.put(other, changed)
    bring_up_to_date(lake)
    assert entry(lake, other).counts == (2, 1, 0, 1)
    lake.put(key, changed)
    bring_up_to_date(lake)
    assert entry(lake, key).reason == FileReason.HASH_MISMATCH


def test_a_decision_affects_no_other_file_of_the_partition(lake: Lake) -> None:
    key = wild_rows(lake)
    other = put(lake, GLUCOSE, [blood_glucose("b1"), blood_glucose("b2", mg_dl=701.0)], user_id=BEN)
    bring_up_to_date(lake)
    before = entry(lake, other)
    override(lake, key)
    assert entry(lake, other) == before


def test_all_selects_everything_in_quarantine(lake: Lake) -> None:
    keys = {wild_rows(lake), wrong_hash(lake), low_quality(lake)}
    bring_up_to_date(lake)
    override(lake, "all")
    assert set(releases.latest(lake)) == set(map(key_hash, keys))
    assert {found.reason for found in files_of(lake, GLUCOSE)} == {None}


def names_of(key: str) -> Sequence[str]:
    return [key, mask_key(key), key.rpartition("/")[2], mask_key(key).rpartition("/")[2]]


def test_a_file_can_be_named_by_its_key_as_the_ui_shows_it_or_by_its_last_part(lake: Lake) -> None:
    key = wild_rows(lake)
    wrong_hash(lake)
    bring_up_to_date(lake)
    for name in names_of(key):
        assert [item.entry.key for item in replay.find_by_name(everything(lake), [name])] == [key]


def test_a_file_that_is_named_twice_is_selected_once(lake: Lake) -> None:
    key = wild_rows(lake)
    bring_up_to_date(lake)
    assert len(replay.find_by_name(everything(lake), [*names_of(key), "all"])) == 1


@pytest.mark.parametrize("name", ["no-such-file.avro", "", "raw/BloodGlucoseRecord/"])
def test_a_name_that_matches_nothing_in_quarantine_is_refused(lake: Lake, name: str) -> None:
    wild_rows(lake)
    bring_up_to_date(lake)
    with pytest.raises(PermanentError, match="Nothing in quarantine is called"):
        replay.find_by_name(everything(lake), [name])


def test_all_is_refused_when_quarantine_is_empty(lake: Lake) -> None:
    put(lake, GLUCOSE, [blood_glucose()])
    bring_up_to_date(lake)
    with pytest.raises(PermanentError, match="Nothing in quarantine is called all"):
        decide(lake, "all")


def test_a_file_that_is_gone_from_raw_cannot_be_released(lake: Lake) -> None:
    key = wild_rows(lake)
    bring_up_to_date(lake)
    lake.delete([key])
    with pytest.raises(PermanentError, match=r"is gone from raw/") as caught:
        decide(lake, key)
    assert ANNA not in str(caught.value)


def test_a_good_file_is_not_listed_but_a_released_one_stays_listed_to_be_revoked(lake: Lake) -> None:
    put(lake, GLUCOSE, [blood_glucose("g1")], user_id=BEN)
    key = wild_rows(lake)
    bring_up_to_date(lake)
    assert [(item.entry.key, item.quarantined_part) for item in everything(lake)] == [(key, "rows")]
    override(lake, key)
    (item,) = everything(lake)
    assert (item.quarantined_part, item.reasons, item.remedy) == ("nothing, released", [], "nothing; it was released")


def test_an_item_says_what_is_quarantined_why_and_what_to_do(lake: Lake) -> None:
    key = only_wild(lake)
    bring_up_to_date(lake)
    (item,) = everything(lake)
    assert (item.name, item.quarantined_part) == (mask_key(key), "whole file")
    assert item.reasons == ["no_good_rows", "glucose_mg_dl:out_of_range"]
    assert item.remedy.startswith("release it with an override if the value is real")

"""The measured data are uploads that the pipeline accepts, and the baselines read them right."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks import lakes
from benchmarks.bench import Bench, NothingMadeError, cold, made_cold
from benchmarks.lakes import Upload
from benchmarks.measure import default_core
from benchmarks.site import BASELINES, PROGRAMS
from health_etl.avro.decode import content_digest
from health_etl.lake.keys import parse_raw_key, raw_key

DAY = date(2026, 1, 5)
MAKERS: dict[str, Callable[[], Iterable[Upload]]] = {
    "glucose": lambda: lakes.glucose(2, [DAY, DAY + timedelta(days=1)], rows=3),
    "tiny_steps": lambda: lakes.tiny_steps(4),
    "mixed": lambda: lakes.mixed(1, 1),
    "one_of_each_type": lambda: lakes.one_of_each_type(2),
}


@pytest.mark.parametrize("name", MAKERS)
def test_uploads_have_keys_that_the_pipeline_claims(name: str) -> None:
    uploads = list(MAKERS[name]())
    assert len({upload.key for upload in uploads}) == len(uploads) > 3
    for upload in uploads:
        parts = parse_raw_key(upload.key)
        assert parts.record_type is not None
        again = (parts.upload_date, parts.user_id, parts.exported_utc, parts.device or "")
        assert upload.key == raw_key(parts.record_type.avro_name, *again, content_digest(upload.content))


@pytest.mark.parametrize("name", MAKERS)
def test_uploads_are_the_same_each_time(name: str) -> None:
    assert list(MAKERS[name]()) == list(MAKERS[name]())


def baseline(name: str, *arguments: Path) -> str:
    done = subprocess.run(
        [sys.executable, BASELINES / name, *arguments],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def test_the_plain_script_writes_a_line_for_each_person_and_day(tmp_path: Path) -> None:
    lakes.write(tmp_path, lakes.glucose(2, [DAY, DAY + timedelta(days=1)], rows=12))
    baseline("plain_script.py", tmp_path, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    who_and_when = [(line["metadata"]["person"], line["metadata"]["date"]) for line in lines]
    assert who_and_when == [
        ("user00000", "2026-01-04"),
        ("user00000", "2026-01-05"),
        ("user00001", "2026-01-04"),
        ("user00001", "2026-01-05"),
    ]
    assert all(line["input"].startswith("readings 12, mean 1") for line in lines)


def test_the_bare_decode_reads_every_row(tmp_path: Path) -> None:
    lakes.write(tmp_path, lakes.tiny_steps(7))
    assert baseline("bare_decode.py", tmp_path) == "14\n"


def test_a_run_that_makes_nothing_is_not_measured(tmp_path: Path) -> None:
    site = Bench(tmp_path, default_core()).site("nothing")
    site.put([Upload("raw/BloodGlucoseRecord/readme.txt", b"no upload")])
    with pytest.raises(NothingMadeError):
        cold(site)


def test_the_profile_counts_all_processor_seconds_of_a_run_once(tmp_path: Path) -> None:
    site = Bench(tmp_path, default_core()).site("profiled")
    site.put(lakes.glucose(1, [DAY]))
    usage = site.python(PROGRAMS / "where_time_goes.py", tmp_path / "seconds.json")
    seconds = json.loads((tmp_path / "seconds.json").read_text(encoding="utf-8"))
    assert {"imports", "Dagster", "`records`", "`insights`", "`training`"} <= seconds.keys()
    assert 0.8 * usage.processor_s < sum(seconds.values()) <= usage.processor_s


def test_a_cold_run_leaves_the_uploads_alone(tmp_path: Path) -> None:
    site = Bench(tmp_path, default_core()).site("small")
    site.put(lakes.glucose(1, [DAY]))
    cold(site)
    assert {path.name for path in site.lake.iterdir()} == {"raw"}
    assert made_cold(site).training_lines() > 0

"""What Dagster stores of a run, in events, tags and logs: counts and reasons, never a person or a health value."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import obstore
import pytest
from obstore import exceptions

from health_etl.clinical.common.base import Level
from health_etl.lake.keys import mask_key

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

PERSON = "erika.mustermann@example.org"
GLUCOSE = "BloodGlucoseRecord_1757901111933.avro"
STEPS = "StepsRecord_1757901111933.avro"
SECRET = "sixteen-letters-nobody-sees"
OUT_OF_RANGE_MG_DL = 4711.0078125


def stored(dagster_home: Path) -> str:
    """Return everything that an instance keeps: every row of its databases, every other file."""
    return "\n".join(_texts(dagster_home))


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:
                tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
                for table in tables:
                    yield from map(str, database.execute(f'select * from "{table}"'))  # noqa: S608
        else:
            yield path.read_text(encoding="utf-8", errors="replace")


def around(text: str, word: str) -> list[str]:
    """Return every occurrence of a word, with the text before it."""
    return [text[max(0, found.start() - 80) : found.end()] for found in re.finditer(re.escape(word), text)]


def unmistakable_glucose(source: Path, target: Path) -> list[float]:
    """Rewrite an export with readings that cannot be mistaken for counts; return them. One is out of range."""
    with source.open("rb") as file:
        reader = fastavro.reader(file)
        schema = reader.writer_schema
        rows = [row for row in reader if isinstance(row, dict)]
    values = [100 + position / 4 + 0.0078125 for position in range(len(rows) - 1)] + [OUT_OF_RANGE_MG_DL]
    for row, value in zip(rows, values, strict=True):
        row["levelInMilligramsPerDeciliter"] = value
    assert schema is not None
    with target.open("wb") as out:
        fastavro.writer(out, schema, rows)
    return values


@pytest.fixture
def command(command_line: type[CommandLine], tmp_path: Path) -> CommandLine:
    """The command, on an empty lake, with every secret set that needs no server."""
    secrets = {
        "HEALTH_ETL_PSEUDONYM_KEY": f"key of {SECRET}",
        "HEALTH_ETL_ALERT_WEBHOOK": f"https://127.0.0.1/{SECRET}",
        "HEALTH_ETL_S3_ACCESS_KEY_ID": "access",
        "HEALTH_ETL_S3_SECRET_ACCESS_KEY": SECRET,
        "HEALTH_ETL_RABBITMQ_URL": f"amqp://guest:{SECRET}@127.0.0.1",
    }
    return command_line(tmp_path, secrets)


def test_a_run_stores_neither_the_person_nor_a_reading_nor_a_text_nor_a_secret(
    command: CommandLine, sample: Path
) -> None:
    glucose = command.folder / GLUCOSE
    values = unmistakable_glucose(sample / GLUCOSE, glucose)
    assert command("ingest", glucose, sample / STEPS, "--user", PERSON).exit_code == 0
    damaged = command.lake / f"raw/StepsRecord/2025/09/15/{PERSON}_20250915_015152_phone_0123abcd.avro"
    damaged.write_bytes(b"no Avro at all")
    unknown = command.lake / f"raw/WeightRecord/2025/09/15/{PERSON}_20250915_015152_phone_0123abcd.avro"
    unknown.parent.mkdir(parents=True)
    unknown.write_bytes(b"of no known type")
    ran = command("run")
    assert ran.exit_code == 0
    assert f"{len(values)} " in ran.stdout

    text = stored(command.dagster_home)
    assert "insights/blood_glucose" in text  # what is searched is the right thing
    assert mask_key(damaged.relative_to(command.lake).as_posix()) in text
    assert around(text, "0123abcd") == []
    assert around(text, PERSON) == []
    assert around(text, SECRET) == []
    assert [value for value in values if str(value) in text] == []
    journal = b"".join(content for key, content in command.contents("training").items() if key.endswith(".jsonl"))
    texts = [example[part] for example in map(json.loads, journal.splitlines()) for part in ("input", "output")]
    assert len(texts) == 2 * 2 * len(Level) + len(Level) * 2
    assert [line for whole in texts for line in whole.splitlines() if len(line) > 20 and line in text] == []


@pytest.mark.parametrize(
    "failure",
    [
        exceptions.GenericError(
            "Generic S3 error: Error performing GET http://127.0.0.1:9000/health-data/{key} in 9 ms"
        ),
        exceptions.GenericError("Generic LocalFileSystem error: Unable to open file /lake/{key}: Input/output error"),
        FileNotFoundError("Object at location {key} not found"),
    ],
    ids=["server gone", "disk fault", "object gone"],
)
def test_a_failure_while_reading_an_upload_does_not_name_the_person(
    command: CommandLine, sample: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """The texts are those of the store's library, which names the object."""
    assert command("ingest", sample / STEPS, "--user", PERSON).exit_code == 0
    real = obstore.get

    def get(store: Any, key: str) -> object:
        if key.startswith("raw/"):
            raise type(failure)(str(failure).format(key=key))
        return real(store, key)

    monkeypatch.setattr(obstore, "get", get)
    monkeypatch.setattr("health_etl.orchestration.steps.FIRST_WAIT_SECONDS", 0)
    command("run")
    text = stored(command.dagster_home)
    assert "STEP_START" in text
    assert around(text, PERSON) == []


@pytest.mark.parametrize("folder", [f"raw/{PERSON}/2025/09/15", f"raw/StepsRecord/{PERSON}/2025/09/15"])
def test_an_upload_in_a_folder_named_after_the_person_does_not_name_them(command: CommandLine, folder: str) -> None:
    upload = command.lake / folder / "steps.avro"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"filed by hand")
    assert command("run").exit_code == 0
    text = stored(command.dagster_home)
    assert "key_unparseable" in text or "unknown_type" in text
    assert around(text, PERSON) == []

"""Names that stopped a whole lake in reports, all in one lake beside one good upload."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from health_etl_tests.support.exports import avro_bytes, folder_lake, steps
from health_etl_tests.support.pipeline import files_of

if TYPE_CHECKING:
    from health_etl_tests.conftest import CommandLine

DAY = "raw/StepsRecord/2025/09/16/"
GOOD = f"{DAY}ok_20250916_060000_phone_2d429326.avro"
LONG = f"{'x' * 214}_20250916_060000_phone_deadbeef.avro"


def put(command: CommandLine, key: bytes, content: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(command.lake) + b"/" + key))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def reported(shared: Path, name: str) -> Path:
    return next(shared.glob(f"reports/*-{name}"))


def test_each_costs_only_itself(command: CommandLine, shared: Path) -> None:
    good = (reported(shared, "file-name-not-utf8") / "good.avro").read_bytes()
    put(command, GOOD.encode(), good)
    put(command, f"{DAY}jos".encode() + b"\xe9_20250916_060000_phone_2d429326.avro", good)
    put(command, "raw/StepsRecord/٢٠٢٥/٠٩/١٥/u_20250915_060000_phone_2d429326.avro".encode(), good)
    assert len(LONG) == 250
    put(command, (DAY + LONG).encode(), b"xx")

    ran = command("run", "--type", "steps")
    assert (ran.exit_code, ran.stderr) == (0, "")
    files = {entry.key: entry.reason for entry in files_of(folder_lake(command.lake), "steps", date(2025, 9, 16))}
    assert files == {GOOD: None, DAY + LONG: "not_avro"}
    named = [line for line in ran.stdout.splitlines() if line.startswith(("Unclaimed", "Quarantined"))]
    assert [line.partition(" raw/")[0] for line in sorted(named)] == ["Quarantined", "Unclaimed", "Unclaimed"]
    assert not [line for line in named if "jos" in line or "xxx" in line]

    assert "Everything was up to date" in command("run", "--type", "steps").stdout
    assert "upload-" in command("quarantine", "list").stdout
    assert DAY + LONG in command("quarantine", "show", LONG).stdout
    assert "Still kept out" in command("quarantine", "release", LONG).stdout


def test_a_hash_sign_in_the_url_of_the_lake_is_refused(command: CommandLine, tmp_path: Path) -> None:
    export = tmp_path / "StepsRecord_1758002400000.avro"
    export.write_bytes(avro_bytes("steps", [steps()]))

    def lake_at(name: str) -> CommandLine:
        return replace(command, settings={"HEALTH_ETL_LAKE": f"file://{tmp_path}/{name}/lake"})

    refused = lake_at("c#1")("ingest", export, "--user", "demo")
    assert refused.exit_code == 1
    assert "%23" in refused.stderr
    assert not (tmp_path / "c").exists()
    assert lake_at("c%231")("ingest", export, "--user", "demo").exit_code == 0
    assert (tmp_path / "c#1" / "lake" / "raw").is_dir()

"""A records partition brought up to date after any changes equals its full rebuild byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from health_etl.lake.keys import records_folder
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake
from health_etl_tests.support import hypothesis_profiles
from health_etl_tests.support.exports import contents, memory_lake, put_content
from health_etl_tests.support.pipeline import files_of, update_records
from health_etl_tests.support.random_uploads import LAST_DAY, Export, exports
from health_etl_tests.support.state import state_of

profile = hypothesis_profiles.active_profile()

UPLOADED: date = LAST_DAY


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, Export]]:
    """Draw exports that arrive, change (a new ETag), break or vanish again, in any order."""
    found = draw(exports(min_size=3, max_size=7))
    steps: list[tuple[str, Export]] = []
    for export in found:
        steps.append(("arrives", export))
        if draw(st.booleans()):
            step = draw(st.sampled_from(["changes", "breaks", "vanishes"]))
            steps.append((step, draw(st.sampled_from([known for _, known in steps]))))
    return steps


def apply(lake: Lake, step: str, export: Export) -> None:
    key = export.put(lake, UPLOADED)
    if step == "breaks":
        put_content(lake, export.name, lake.get(key)[:-9], user_id=export.user_id, upload_date=UPLOADED)
    if step == "vanishes":
        lake.delete([key])


def check_accounting(files: Sequence[FileEntry]) -> None:
    for file in files:
        file.check()
    assert len({file.key for file in files}) == len(files)


@profile
@given(history=histories())
def test_whatever_happens_to_the_uploads_the_partition_equals_its_rebuild(history: list[tuple[str, Export]]) -> None:
    lake = memory_lake()
    names = sorted({export.name for _, export in history})
    for step, export in history:
        apply(lake, step, export)
        update_records(lake, export.name, UPLOADED)
        check_accounting(files_of(lake, export.name, UPLOADED))
    grown = state_of(lake, "records/", "quarantine/")
    lake.delete([*contents(lake, "records/"), *contents(lake, "quarantine/")])
    for name in names:
        update_records(lake, name, UPLOADED)
    rebuilt = state_of(lake, "records/", "quarantine/")
    assert set(rebuilt) <= set(grown)
    assert rebuilt == {key: content for key, content in grown.items() if key in rebuilt}
    folders = emptied(lake, names)
    assert all(key.startswith(folders) for key in grown if key not in rebuilt)


def emptied(lake: Lake, names: list[str]) -> tuple[str, ...]:
    """Return the folders of partitions without uploads, which are kept as a record of that and never rebuilt."""
    left = {info.key.split("/")[1].lower() for info in lake.objects("raw/")}
    gone = [name for name in names if f"{name.replace('_', '')}record" not in left]
    return tuple(records_folder(name, UPLOADED.isoformat()) for name in gone)

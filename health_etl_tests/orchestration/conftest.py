"""The project as Dagster runs it: its own definitions over a lake in a folder, on a real instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from health_etl.definitions import build_definitions
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.settings import Settings
from health_etl.uploads.ingest import ingest

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Project:
    """Definitions, lake and instance that belong together."""

    settings: Settings
    instance: dg.DagsterInstance

    @property
    def lake(self) -> Lake:
        """The lake that the assets read and write."""
        return connect(self.settings)

    @property
    def folder(self) -> Path:
        """Folder of the lake."""
        return Path(self.settings.lake.removeprefix("file://"))

    def ingest(self, paths: Sequence[Path], user: str = "person_one") -> None:
        """Put exports into the lake; none may be refused."""
        assert not [done for done in ingest(self.lake, paths, user, None, "phone") if done.refused]

    def run(self, assets: Sequence[str], first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        """Run these assets (`records/steps`) for one upload date, or for a range of them."""
        span = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
        job = build_definitions(self.settings).resolve_job_def(BRING_UP_TO_DATE)
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey.from_user_string(asset) for asset in assets],
            partition_key=None if last else first,
            tags=span if last else None,
            run_config=QUIET,
            raise_on_error=False,
        )

    def materialisations(self, asset: str) -> dict[str, dg.AssetMaterialization]:
        """Return the latest materialisation of every partition."""
        events = self.instance.fetch_materializations(dg.AssetKey.from_user_string(asset), limit=1000).records
        found = {}
        for event in reversed(events):
            assert event.asset_materialization is not None
            found[str(event.partition_key)] = event.asset_materialization
        return found

    def contents(self) -> dict[str, bytes]:
        """Return every object of the lake by its key."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The project, over an empty lake, on an instance in memory."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Project(Settings(lake=(tmp_path / "lake").as_uri()), instance)


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, over one lake for a whole module, on an instance on disk, as people have one."""
    lake = tmp_path_factory.mktemp("project") / "lake"
    with dg.instance_for_test() as instance:
        yield Project(Settings(lake=lake.as_uri()), instance)


@pytest.fixture(scope="session")
def sample(checkout: Path) -> Path:
    """Folder of the exports that ship with the project: one person, upload dates 15 to 17 September 2025."""
    return checkout / "data" / "sample"

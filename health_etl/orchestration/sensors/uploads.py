"""One look at uploads of a record type: what differs from the manifests, and from what Dagster knows.

Decides nothing: planning/ does. Both ways in, the look at the bucket and the upload events, come through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg

from health_etl.dagster_internals.queries import DATA_VERSION_TAG, latest_data_versions, latest_materializations
from health_etl.errors import FolderHiddenError
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import DAILY_JOURNAL, UTC_OFFSETS
from health_etl.lake.manifest_cache import ManifestCache
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.insights import insights_key
from health_etl.orchestration.assets.quarantine import quarantine_key
from health_etl.orchestration.assets.raw import raw_key
from health_etl.orchestration.assets.records import records_key
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.orchestration.sensors import earlier_runs
from health_etl.orchestration.sensors.pending_requests import PendingRequests
from health_etl.planning import run_requests
from health_etl.planning.run_requests import Attempt, Plan, RunPlan
from health_etl.record_types.base import RecordType
from health_etl.records import partition as records_partition
from health_etl.records.quality import QualityRules
from health_etl.uploads.listing import TypeListing, UploadsSummary

MAX_RUNS_PER_TICK = 10  # runs in one tick; each costs the daemon about 0.2 s
MAX_REPORTS = 100  # partitions in one tick; each is two events
RECORD_TYPE = "health_etl/record_type"
Report = dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass
class Look:
    """What was found so far, by upload date."""

    looked_at: set[str] = field(default_factory=set)
    uploads: int = 0
    stale: dict[str, str] = field(default_factory=dict)  # the state wanted
    hidden: set[str] = field(default_factory=set)  # upload dates whose folders this account may not look into
    # uploads that Dagster knows in another version, or not at all
    unreported: dict[str, UploadsSummary] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Say whether one tick has enough to do."""
        return (
            len(self.unreported) >= MAX_REPORTS
            or len(self.stale) >= MAX_RUNS_PER_TICK * run_requests.MAX_PARTITIONS_PER_RUN[1]
        )


class Uploads:
    """The uploads of one record type, as one tick sees them."""

    def __init__(
        self,
        record_type: RecordType,
        lake: Lake,
        instance: dg.DagsterInstance,
        cache: ManifestCache,
        rules: QualityRules,
    ) -> None:
        self.record_type = record_type
        self.listing = TypeListing(lake, record_type)
        self.manifests = Catalogue(lake, cache).records(record_type.name)
        self.seen = Look()
        self._instance = instance
        self._rules = rules

    def look(self, dates: Iterable[str]) -> None:
        """Take in some upload dates; those already looked at are left out."""
        fresh = sorted(set(dates) - self.seen.looked_at)
        found = {key: summary for key in fresh if (summary := self._summarize(key)) is not None}
        self.manifests.read_all(fresh)
        known = latest_data_versions(self._instance, raw_key(self.record_type.name), fresh)
        for key, uploads in found.items():
            self.seen.uploads += uploads.files
            if known.get(key) != uploads.digest and (uploads.files or key in known):
                self.seen.unreported[key] = uploads
            if self._is_stale(key, uploads):
                code_version = records_partition.code_version(self.record_type)
                self.seen.stale[key] = run_requests.state([uploads.digest, code_version, self._rules.version])
        self.seen.looked_at.update(fresh)

    def _summarize(self, key: str) -> UploadsSummary | None:
        """Summarize the uploads of a date; one that cannot be looked into stays as it is, and so do its records."""
        try:
            return self.listing.summarize(date.fromisoformat(key))
        except FolderHiddenError:
            self.seen.hidden.add(key)
            return None

    def plan(self, pending: PendingRequests, sensor: str, now_s: float, retry_seconds: float) -> Plan:
        """Return what that sensor is to request of all that was looked at, without what another has just requested."""
        if not self.seen.stale:
            return Plan()
        name, stale = self.record_type.name, self.seen.stale
        key = records_key(name)
        with pending.turn():
            taken = pending.of_others(name, stale, sensor, now_s)
            made = latest_materializations(self._instance, key, stale)
            of_type = dg.RunsFilter(tags={RECORD_TYPE: name})
            attempts = earlier_runs.attempts(self._instance, {key: stale}, {key: made}, of_type)
            attempts |= dict.fromkeys(taken, Attempt(running=True))
            found = run_requests.plan(
                name, stale, attempts, made, now_s=now_s, max_runs=MAX_RUNS_PER_TICK, retry_seconds=retry_seconds
            )
            for run_plan in found.run_plans:
                pending.make(name, run_plan.wanted, sensor, now_s)
        return found

    def reports(self) -> list[Report]:
        """Return the events that report new versions of uploads to Dagster, oldest date first.

        The observation comes before the materialisation: only then does Dagster show correctly what is out of date.
        """
        events: list[Report] = []
        for partition, found in self._due()[:MAX_REPORTS]:
            about: dict[str, Any] = {
                "asset_key": raw_key(self.record_type.name),
                "partition": partition,
                "tags": {DATA_VERSION_TAG: found.digest},
                "metadata": {"files": found.files, "size_bytes": found.size_bytes},
            }
            events += [dg.AssetObservation(**about), dg.AssetMaterialization(**about)]
        return events

    def left_unreported(self) -> list[str]:
        """Return the upload dates that a later tick reports."""
        return [partition for partition, _ in self._due()[MAX_REPORTS:]]

    def _due(self) -> list[tuple[str, UploadsSummary]]:
        return sorted(self.seen.unreported.items())

    def _is_stale(self, key: str, uploads: UploadsSummary) -> bool:
        manifest = self.manifests.get(key)
        if manifest is None and not uploads.files:
            return False
        return not records_partition.is_current_with(manifest, uploads.digest, self.record_type, self._rules)


def run_request(record_type: RecordType, run_plan: RunPlan, tags: dict[str, str] | None = None) -> dg.RunRequest:
    """Return the request for a run: records of some upload dates, and what follows from them on the same dates."""
    name = record_type.name
    return dg.RunRequest(
        run_key=run_plan.run_key,
        job_name=BRING_UP_TO_DATE,
        asset_selection=[
            records_key(name),
            quarantine_key(name),
            records_key(UTC_OFFSETS),
            insights_key(name),
            insights_key(DAILY_JOURNAL),
        ],
        tags={RECORD_TYPE: name, **(tags or {}), **run_plan.tags},
    )

"""The asset of decisions to run quarantined uploads again: the only place in the UI to make one."""

from datetime import date, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import FINGERPRINT_DIGITS, mask_key, released_hash
from health_etl.lake.listed import ObjectInfo
from health_etl.lake.manifest import digest
from health_etl.lake.store import Lake
from health_etl.orchestration.assets.catalogue_metadata import add_partition_metadata
from health_etl.orchestration.assets.factory import Declaration, Partitions, step_asset
from health_etl.orchestration.assets.records import RELEASES
from health_etl.orchestration.resources import LakeResource
from health_etl.record_types import record_types
from health_etl.records import replay
from health_etl.uploads import releases
from health_etl.wording import counted


class ReleaseConfig(dg.Config):
    """What to run again. Without `files` nothing is decided; the decisions so far are listed."""

    files: list[str] = Field(
        default=[],
        description=(
            "Names as the table of a quarantine asset shows them, such as upload-7f3a9c0142d1, or file names; "
            '"all" for everything in quarantine on that upload date.'
        ),
    )
    override: bool = Field(
        default=False,
        description=(
            "Accept despite the rules that a person may overrule (value out of range, low quality, hash). "
            "False: judge again by the rules, which also withdraws an earlier override."
        ),
    )
    because: str = Field(default="", description="Why; required with override, and recorded with the decision.")


def releases_asset(upload_dates: Partitions) -> dg.AssetsDefinition:
    """Return the asset that records the decisions."""
    declared = Declaration(
        key=RELEASES,
        partitions=upload_dates,
        kinds={"python"},
        code_version="1",
        description=(
            "Decisions to run quarantined uploads again, with the reason for every override. Launch the job "
            "`replay_quarantine` to make one; materialising this asset without config only lists them."
        ),
    )

    @step_asset(declared)
    def decisions(
        context: dg.AssetExecutionContext, config: ReleaseConfig, lake: LakeResource
    ) -> dg.MaterializeResult[Any]:
        opened, dates = lake.open(), set(context.partition_keys)
        released = _release(opened, dates, config) if config.files else 0
        listed = {partition: _listed(opened, partition) for partition in sorted(dates)}
        for partition, found in listed.items():
            metadata = {"dagster/row_count": len(found), "decisions": _table(opened, found)}
            add_partition_metadata(context, metadata, partition)
        context.log.info(f"{counted(released, 'file')} to be run again.")
        versions = [f"{info.key} {info.etag}" for found in listed.values() for info in found]
        return dg.MaterializeResult(data_version=dg.DataVersion(digest(versions)))

    return decisions


def _release(lake: Lake, dates: set[str], config: ReleaseConfig) -> int:
    items = replay.list_quarantined(lake, Catalogue(lake), lambda _, partition: partition in dates)
    chosen = replay.find_by_name(items, config.files)
    return len(replay.release(lake, chosen, config.override, config.because))


def _listed(lake: Lake, partition: str) -> list[ObjectInfo]:
    """Return every decision about uploads of one date: by upload, oldest first."""
    found: dict[str, list[ObjectInfo]] = {}
    for folder in lake.folders(keys.RELEASED):
        if folder.lower() in {record_type.avro_name.lower() for record_type in record_types().values()}:
            found |= releases.by_upload(lake, keys.day_folder(keys.RELEASED, folder, date.fromisoformat(partition)))
    return [info for upload in sorted(found) for info in found[upload]]


def _table(lake: Lake, found: list[ObjectInfo]) -> dg.TableMetadataValue:
    """Return the decisions with keys masked; the reason is free text and stays in the lake."""
    columns = ("file", "decision", "decided (UTC)")
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, _row(lake, info.key), strict=True))) for info in found],
        schema=dg.TableSchema([dg.TableColumn(name, "string") for name in columns]),
    )


def _row(lake: Lake, key: str) -> tuple[str, str, str]:
    release = releases.find(lake, key)
    if release is None:
        return f"upload-{released_hash(key)[:FINGERPRINT_DIGITS]}", "cannot be read, and has no effect", ""
    decided = datetime.fromisoformat(release.decided_utc).isoformat()
    return mask_key(release.source_key), "override" if release.override else "by the rules", decided

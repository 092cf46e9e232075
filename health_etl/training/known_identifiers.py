"""The identifiers that the lake knows of the people in a month: what must not stand in a training line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from health_etl.clinical import all_processors
from health_etl.days.source_labels import is_shown
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.keys import KeyRefusedError, RawKey, parse_raw_key
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_table
from health_etl.record_types import record_types

_OF_RECORDS = {  # by column of the records tables
    "record_id": "record id",
    "client_record_id": "client record id",
    "source_app": "source app",
    "device_manufacturer": "device",
    "device_model": "device",
    "title": "session title",
    "notes": "session notes",
}


@dataclass(frozen=True)
class MonthSources:
    """The people of a month (YYYY-MM) and the uploads that its insights come from."""

    user_ids: frozenset[str]
    source_keys: frozenset[str]

    @classmethod
    def of(cls, lake: Lake, catalogue: Catalogue, month: str) -> MonthSources:
        """Read them from the insights tables."""
        user_ids: set[str] = set()
        source_keys: set[str] = set()
        for name in all_processors():
            manifests = catalogue.insights(name)
            for partition in [p for p in manifests if month in manifests[p].details["local_months"]]:
                table = read_table(lake, manifests[partition].table_key, columns=["user_id", "source_keys"])
                user_ids.update(table["user_id"].unique().to_pylist())
                source_keys.update(table["source_keys"].combine_chunks().flatten().unique().to_pylist())
        return cls(frozenset(user_ids), frozenset(source_keys))

    def identifiers(self) -> Iterator[tuple[str, str]]:
        """Yield (kind, text) of people, object keys and what their names are made of."""
        for user_id in sorted(self.user_ids):
            yield "user id", user_id
        for key in sorted(self.source_keys):
            yield "object key", key
        for parsed in _parsed(self.source_keys):
            yield "content hash", parsed.content_hash
            yield "upload time", f"{parsed.exported_utc:%Y%m%d %H%M%S}"
            if parsed.device is not None:
                yield "device", parsed.device

    def of_records(self, lake: Lake, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
        """Yield (kind, text) of what the records of these uploads hold, one records partition at a time."""
        partitions = {
            (parsed.record_type.name, parsed.upload_date.isoformat())
            for parsed in _parsed(self.source_keys)
            if parsed.record_type is not None
        }
        for record_type, partition in sorted(partitions):
            if partition not in catalogue.records(record_type):
                continue  # all its uploads have been removed since
            columns = [name for name in _OF_RECORDS if name in record_types()[record_type].arrow_schema.names]
            table = read_table(lake, catalogue.records(record_type)[partition].table_key, columns=columns)
            for column in columns:
                for text in table[column].unique().drop_null().to_pylist():
                    if column != "source_app" or not is_shown(text):
                        yield from ((_OF_RECORDS[column], line) for line in {text, *text.splitlines()})


def _parsed(source_keys: frozenset[str]) -> Iterator[RawKey]:
    for key in sorted(source_keys):
        try:
            yield parse_raw_key(key)
        except KeyRefusedError:  # claimed by an earlier version; looked for as a whole
            continue

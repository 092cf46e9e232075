"""De-duplication: of several versions of one record the latest wins, as in Health Connect."""

from __future__ import annotations

import pandas as pd

# Latest = highest clientRecordVersion, then last modified, then fetched; key and position make the order total.
VERSION = [
    "client_record_version",
    "last_modified_utc",
    "fetched_utc",
    "source_key",
    "source_record_number",
]
IDENTITY = ["user_id", "record_id"]
RECORD = ["source_key", "source_record_number"]


def is_latest_version(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark the measurement rows that belong to the latest version of their record.

    Record ids are unique per person only: some apps derive them from a date.
    """
    records = rows[[*IDENTITY, *VERSION]].drop_duplicates(RECORD)
    if not records.duplicated(IDENTITY).any():
        return pd.Series(True, index=rows.index, name="is_latest")
    latest = records.sort_values(VERSION).drop_duplicates(IDENTITY, keep="last")[RECORD]
    marked = rows[RECORD].merge(latest.assign(is_latest=True), on=RECORD, how="left")
    return pd.Series(marked["is_latest"].notna().to_numpy(), index=rows.index, name="is_latest")

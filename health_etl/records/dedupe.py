"""De-duplication: of several versions of one record the latest wins, as in Health Connect."""

from __future__ import annotations

import numpy as np
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
    files, _ = pd.factorize(rows["source_key"])
    record = files * np.int64(2**32) + rows["source_record_number"].to_numpy(dtype=np.int64)
    is_first = ~pd.Series(record).duplicated().to_numpy()  # a record may have several measurement rows
    records = rows.loc[is_first, [*IDENTITY, *VERSION]]
    if not records.duplicated(IDENTITY).any():
        return pd.Series(True, index=rows.index, name="is_latest")
    latest = records.assign(record=record[is_first]).sort_values(VERSION).drop_duplicates(IDENTITY, keep="last")
    return pd.Series(np.isin(record, latest["record"]), index=rows.index, name="is_latest")

"""De-duplication: of several versions of one record the latest wins, as in Health Connect."""

from __future__ import annotations

import numpy as np
import pandas as pd

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]

# Latest = highest clientRecordVersion, then last modified, then fetched; key and position make the order total.
VERSION = [
    "client_record_version",
    "last_modified_utc",
    "fetched_utc",
    "source_key",
    "source_record_number",
]
RECORD = ["source_key", "source_record_number"]


def is_latest_version(rows: pd.DataFrame) -> pd.Series[bool]:
    """Mark the measurement rows that belong to the latest version of their record.

    Record ids are unique per person only: some apps derive them from a date.
    """
    record = _numbers(rows["source_key"], rows["source_record_number"].to_numpy(dtype=np.int64))
    is_first = ~pd.Series(record).duplicated().to_numpy()  # a record may have several measurement rows
    records = rows if is_first.all() else rows[is_first]
    identity = _numbers(records["user_id"], pd.factorize(records["record_id"])[0])
    is_repeated = pd.Series(identity).duplicated(keep=False).to_numpy()
    if not is_repeated.any():
        return pd.Series(True, index=rows.index, name="is_latest")
    versions = records.loc[is_repeated, VERSION]
    versions = versions.assign(identity=identity[is_repeated], record=record[is_first][is_repeated])
    versions = versions.sort_values(VERSION)
    outdated = versions.loc[versions.duplicated("identity", keep="last"), "record"]
    return pd.Series(~np.isin(record, outdated), index=rows.index, name="is_latest")


def _numbers(texts: pd.Series[str], numbers: Numbers) -> Numbers:
    """Return one number for each pair of a text and a number below 2**32; equal pairs get equal numbers."""
    return pd.factorize(texts)[0] * np.int64(2**32) + numbers

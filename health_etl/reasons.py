"""Reasons for refusing a file or a row, and the remedy for each. The list is closed so that counts stay comparable.

The reasons for rejecting a row are in validate.py and with the record types; only their remedies are here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class FileReason(StrEnum):
    """Why a whole file goes to quarantine."""

    EMPTY = "empty"
    NOT_AVRO = "not_avro"
    UNREADABLE = "unreadable"
    WRONG_TYPE = "wrong_type"
    SCHEMA_INCOMPATIBLE = "schema_incompatible"
    TOO_LARGE = "too_large"
    TOO_MANY_RECORDS = "too_many_records"
    DECOMPRESSION_BOMB = "decompression_bomb"
    CODEC_UNSUPPORTED = "codec_unsupported"
    SCHEMA_REFUSED = "schema_refused"
    HASH_MISMATCH = "hash_mismatch"
    NO_GOOD_ROWS = "no_good_rows"
    LOW_QUALITY = "low_quality"
    UNKNOWN_TYPE = "unknown_type"
    KEY_UNPARSEABLE = "key_unparseable"
    OUTSIDE_PARTITIONS = "outside_partitions"
    STORE_REFUSED = "store_refused"
    UNEXPECTED = "unexpected"


RULE: dict[FileReason, str] = {
    FileReason.EMPTY: "a file holds at least one record",
    FileReason.NOT_AVRO: "a file is an Avro object container file",
    FileReason.UNREADABLE: "every block and every record of a file can be read to the end",
    FileReason.WRONG_TYPE: "a file holds the record type named by its folder",
    FileReason.SCHEMA_INCOMPATIBLE: "a file's schema has every field that the record type needs, with the right type",
    FileReason.TOO_LARGE: "a file is at most 100 MiB in size",
    FileReason.TOO_MANY_RECORDS: "a file has at most 100,000 records, holding fewer than millions of values",
    FileReason.DECOMPRESSION_BOMB: "a file expands to at most 200 MiB and 200 times its size",
    FileReason.CODEC_UNSUPPORTED: "a file is compressed with null, deflate, bzip2, snappy, xz or zstandard",
    FileReason.SCHEMA_REFUSED: "a file's schema is small, shallow and not recursive",
    FileReason.HASH_MISMATCH: "the hash in a file's name matches its content",
    FileReason.NO_GOOD_ROWS: "at least one record of a file is valid",
    FileReason.LOW_QUALITY: "a file's quality score reaches HEALTH_ETL_QUALITY_THRESHOLD",
    FileReason.UNKNOWN_TYPE: "the folder names a known record type",
    FileReason.KEY_UNPARSEABLE: "the key is raw/{RecordType}/{YYYY}/{MM}/{DD}/{user}_{time}_{device}_{hash}.avro",
    FileReason.OUTSIDE_PARTITIONS: "the upload date is between HEALTH_ETL_START_DATE and today",
    FileReason.STORE_REFUSED: "the store returns every object that it lists",
    FileReason.UNEXPECTED: "the code processes every file without an unexpected error",
}

# What `release --override` can overrule: the data is readable and was refused only as a matter of judgement.
OVERRIDABLE = frozenset({FileReason.HASH_MISMATCH, FileReason.LOW_QUALITY})

REMEDIES: dict[FileReason, str] = {
    FileReason.EMPTY: "export it from the phone again",
    FileReason.NOT_AVRO: "upload the Avro file that the phone wrote",
    FileReason.UNREADABLE: "upload the file again; it was truncated or damaged in transit",
    FileReason.WRONG_TYPE: "upload it to the folder of its own record type",
    FileReason.SCHEMA_INCOMPATIBLE: "update the exporting app, or add this schema to the record type",
    FileReason.TOO_LARGE: "export shorter spans",
    FileReason.TOO_MANY_RECORDS: "export shorter spans",
    FileReason.DECOMPRESSION_BOMB: "find out who uploaded it; no phone writes such a file",
    FileReason.CODEC_UNSUPPORTED: "export with the null or deflate codec",
    FileReason.SCHEMA_REFUSED: "find out who uploaded it; no phone writes such a schema",
    FileReason.HASH_MISMATCH: "upload the file again; its content does not match the hash in its name",
    FileReason.NO_GOOD_ROWS: "correct it in the app that wrote it, then export again",
    FileReason.LOW_QUALITY: "correct it in the app that wrote it, then export again, or release it with an override",
    FileReason.UNKNOWN_TYPE: "add the record type (docs/adding-a-record-type.md) or remove the folder",
    FileReason.KEY_UNPARSEABLE: "upload it with `health-etl ingest`, which names it correctly",
    FileReason.OUTSIDE_PARTITIONS: "set an earlier HEALTH_ETL_START_DATE, or correct the date in its folder",
    FileReason.STORE_REFUSED: "restore the object or its permissions in the store, then release it",
    FileReason.UNEXPECTED: "report it as a bug with its detail; release it once that is fixed",
}


EXPORT_AGAIN = "correct it in the app that wrote it, then export again"

# Row reasons for which EXPORT_AGAIN is not the remedy.
ROW_REMEDIES = {
    "out_of_range": "release it with an override if the value is real, otherwise correct it in the app that wrote it",
    "time_implausible": "correct the clock of the phone or device, then export again",
    "offset_implausible": "update the exporting app; it writes UTC offsets that do not exist",
    "unit_suspect": "set the app to the column's unit and export again, or release it with an override if the values "
    "are correct as they are",
    "unknown_value": "update the exporting app, or add the new value to the record type",
}


def row_remedy(fault: str) -> str:
    """Return the remedy for a fault ("column:reason", or a reason alone)."""
    return ROW_REMEDIES.get(fault.rpartition(":")[2], EXPORT_AGAIN)


def remedy(reason: str | None, faults: Iterable[str]) -> str | None:
    """Return the remedy for a file that was refused for `reason` or lost rows to `faults`; None if neither happened."""
    row_remedies = "; ".join(sorted({row_remedy(fault) for fault in faults}))
    if reason is None or (row_remedies and reason == FileReason.NO_GOOD_ROWS):
        return row_remedies or None
    return REMEDIES[FileReason(reason)]


class FileRefusedError(Exception):
    """The file cannot be used. `detail` contains no health value and no user id."""

    def __init__(self, reason: FileReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

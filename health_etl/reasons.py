"""Why a file or a row is refused: one closed list, so that counts can be compared over time."""

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


RULE: dict[FileReason, str] = {
    FileReason.EMPTY: "a file holds at least one record",
    FileReason.NOT_AVRO: "a file is an Avro object container",
    FileReason.UNREADABLE: "every block and every record of a file can be read to its end",
    FileReason.WRONG_TYPE: "a file holds the record type that its folder names",
    FileReason.SCHEMA_INCOMPATIBLE: "a file's schema has every field that the record type needs, with its type",
    FileReason.TOO_LARGE: "a file has at most 100 MiB",
    FileReason.TOO_MANY_RECORDS: "a file has at most 100,000 records, and not millions of values in them",
    FileReason.DECOMPRESSION_BOMB: "a file expands to at most 200 MiB and 200 times its size",
    FileReason.CODEC_UNSUPPORTED: "a file is compressed with null, deflate, bzip2 or xz",
    FileReason.SCHEMA_REFUSED: "a file's schema is small, not deep, and does not contain itself",
    FileReason.HASH_MISMATCH: "the hash in a file's name is that of its content",
    FileReason.NO_GOOD_ROWS: "at least one record of a file is valid",
    FileReason.LOW_QUALITY: "a file's quality score reaches HEALTH_ETL_QUALITY_THRESHOLD",
    FileReason.UNKNOWN_TYPE: "the folder names a known record type",
    FileReason.KEY_UNPARSEABLE: "the key is raw/{RecordType}/{YYYY}/{MM}/{DD}/{user}_{time}_{device}_{hash}.avro",
    FileReason.OUTSIDE_PARTITIONS: "the upload date lies between HEALTH_ETL_START_DATE and today",
}

# What a person may overrule with `release --override`: the data can be read, and only a judgement speaks against it.
OVERRIDABLE = frozenset({FileReason.HASH_MISMATCH, FileReason.LOW_QUALITY})

REMEDIES: dict[FileReason, str] = {
    FileReason.EMPTY: "export again from the phone",
    FileReason.NOT_AVRO: "upload the Avro file that the phone wrote",
    FileReason.UNREADABLE: "upload the file again; it was cut short or damaged on the way",
    FileReason.WRONG_TYPE: "upload it under the folder of its own record type",
    FileReason.SCHEMA_INCOMPATIBLE: "update the exporting app, or teach the record type this schema",
    FileReason.TOO_LARGE: "export shorter spans",
    FileReason.TOO_MANY_RECORDS: "export shorter spans",
    FileReason.DECOMPRESSION_BOMB: "look at who uploaded it; no phone writes such a file",
    FileReason.CODEC_UNSUPPORTED: "export with the codec null or deflate",
    FileReason.SCHEMA_REFUSED: "look at who uploaded it; no phone writes such a schema",
    FileReason.HASH_MISMATCH: "upload the file again; its content is not what its name says",
    FileReason.NO_GOOD_ROWS: "correct it in the app that wrote it and export again",
    FileReason.LOW_QUALITY: "correct it in the app that wrote it and export again, or release it with an override",
    FileReason.UNKNOWN_TYPE: "add the record type (docs/adding-a-record-type.md) or remove the folder",
    FileReason.KEY_UNPARSEABLE: "upload it with `health-etl ingest`, which names it right",
    FileReason.OUTSIDE_PARTITIONS: "set HEALTH_ETL_START_DATE earlier, or correct the date in its folder",
}


EXPORT_AGAIN = "correct it in the app that wrote it and export again"

# Row reasons that call for something else; the reasons themselves are in validate.py and with the record types.
ROW_REMEDIES = {
    "out_of_range": "release it with an override if the value is real, else correct it in the app that wrote it",
    "time_implausible": "set the clock of the phone or device right and export again",
    "offset_implausible": "update the exporting app; it writes UTC offsets that do not exist",
    "unknown_value": "update the exporting app, or teach the record type the new value",
}


def row_remedy(fault: str) -> str:
    """Return what to do about a fault ("column:reason", or a reason alone)."""
    return ROW_REMEDIES.get(fault.rpartition(":")[2], EXPORT_AGAIN)


def remedy(reason: str | None, faults: Iterable[str]) -> str | None:
    """Return what to do about a file that was refused for a reason, or lost rows to these faults; None for neither."""
    of_rows = "; ".join(sorted({row_remedy(fault) for fault in faults}))
    if reason is None or (of_rows and reason == FileReason.NO_GOOD_ROWS):
        return of_rows or None
    return REMEDIES[FileReason(reason)]


class FileRefusedError(Exception):
    """A file cannot be used; `detail` holds no health value and no user id."""

    def __init__(self, reason: FileReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

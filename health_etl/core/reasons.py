"""Why a file or a row is refused: one closed list, so that counts can be compared over time."""

from __future__ import annotations

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
    UNKNOWN_TYPE = "unknown_type"
    KEY_UNPARSEABLE = "key_unparseable"
    OUTSIDE_PARTITIONS = "outside_partitions"


WAY_OUT: dict[FileReason, str] = {
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
    FileReason.UNKNOWN_TYPE: "add the record type (docs/adding-a-record-type.md) or remove the folder",
    FileReason.KEY_UNPARSEABLE: "upload it with `health-etl ingest`, which names it right",
    FileReason.OUTSIDE_PARTITIONS: "set HEALTH_ETL_START_DATE earlier, or correct the date in its folder",
}


class FileRefusedError(Exception):
    """A file cannot be used; `detail` holds no health value and no user id."""

    def __init__(self, reason: FileReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

"""Writing export files: rows to Avro bytes, and files to a folder. Their contents are decided in exports.py."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import fastavro

from health_etl.synthetic.avro_schemas import WRITER_SCHEMAS
from health_etl.synthetic.local_day import utc_date
from health_etl.synthetic.person import Person
from health_etl.synthetic.records import Row

SYNC_MARKER_BYTES = 16  # Avro specification, object container files


@dataclass(frozen=True)
class ExportFile:
    """One Avro file as the phone uploads it; `uploaded` is the UTC date of the export."""

    person: str
    name: str
    content: bytes
    uploaded: date

    @property
    def record_type(self) -> str:
        """The Health Connect record type, the first part of the name."""
        return self.name.partition("_")[0]

    @property
    def export_ms(self) -> int:
        """When the export was made, epoch ms, the last part of the name."""
        return int(self.name.partition("_")[2].removesuffix(".avro"))


def export_file(person: Person, record_type: str, export_ms: int, rows: Iterable[Row]) -> ExportFile:
    """Return the export file with these rows. Its sync marker is derived from its name, so that it is not random.

    Raises KeyError for a record type that the simulated app does not export.
    """
    name = f"{record_type}_{export_ms}.avro"
    identity = f"{person.seed}/{person.person_id}/{name}".encode()
    marker = hashlib.blake2b(identity, digest_size=SYNC_MARKER_BYTES).digest()
    buffer = io.BytesIO()
    fastavro.writer(buffer, dict(WRITER_SCHEMAS[record_type]), rows, codec=person.codec, sync_marker=marker)
    return ExportFile(person.person_id, name, buffer.getvalue(), utc_date(export_ms))


def write_exports(files: Iterable[ExportFile], out_dir: Path, *, flat: bool = False) -> list[Path]:
    """Write the files to `out_dir/{person}/{name}`, or straight into `out_dir` if `flat`; return their paths.

    If `files` is an iterator, only one file is in memory at a time. Raises OSError if a file cannot be written.
    """
    paths = []
    for file in files:
        folder = out_dir if flat else out_dir / file.person
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file.name
        path.write_bytes(file.content)
        paths.append(path)
    return paths

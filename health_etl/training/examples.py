"""From insights to training examples: one JSON line per person, local day, kind of insights and caption level.

Which insights become lines, and where they are written, is decided in journal.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Level, Narrator
from health_etl.errors import HealthEtlError
from health_etl.insights.facts import clinical_insights, with_labels
from health_etl.insights.texts import example_id
from health_etl.training.line_format import dated, figure_names, is_well_formed, json_text, line

# The columns of an insights table that an example needs besides the metrics.
CONTEXT = (
    "subject",
    "local_date",
    "input",
    "captions",
    "record_count",
    "quality_score",
    "coverage",
    "source_apps",
    "source_files",
)


class MisshapenExampleError(ValueError):
    """A person-day makes no example in the documented format."""


def lines(rows: pd.DataFrame, processor: Narrator, processor_version: str) -> Iterator[list[str] | Exception]:
    """Yield each row of an insights table as JSON lines, one per caption level, without line endings.

    A row that cannot be written so costs only itself: the error is yielded in its place.
    """
    names = list(rows.columns)
    rows = with_labels(rows, processor)
    for values in rows.itertuples(index=False, name=None):
        try:
            yield _lines(dict(zip(names, values, strict=True)), processor, processor_version)
        except HealthEtlError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller names it
            yield error


def _lines(row: Mapping[str, Any], processor: Narrator, processor_version: str) -> list[str]:
    shared = _metadata(row, processor, processor_version)
    examples = [_example(row, caption, shared, processor) for caption in row["captions"]]
    if not all(map(is_well_formed, examples)):
        raise MisshapenExampleError
    return [line(example) for example in examples]


def columns(processor: Narrator) -> Sequence[str]:
    """Return the columns that `lines` needs."""
    return [*CONTEXT, *figure_names(processor)]


def _example(
    row: Mapping[str, Any], caption: Mapping[str, Any], shared: Mapping[str, Any], processor: Narrator
) -> dict[str, Any]:
    level = Level(caption["level"])
    own = {
        "example_id": example_id(row["subject"], processor.name, row["local_date"], level),
        "caption_level": level.value,
        "derived": json_text([{**one, "of": list(one["of"])} for one in caption["derived"]]),
    }
    return {
        "instruction": caption["instruction"],
        "input": row["input"],
        "output": caption["output"],
        "metadata": {**own, **shared},
    }


def _metadata(row: Mapping[str, Any], processor: Narrator, processor_version: str) -> dict[str, Any]:
    return {
        "record_type": processor.training_name,
        "health_domain": processor.domain,
        "subject": row["subject"],
        "local_date": dated(row["local_date"]),
        "record_count": int(row["record_count"]),
        "quality_score": _rounded(row["quality_score"]),
        "coverage": _rounded(row["coverage"]),
        "source_files": list(row["source_files"]),
        "processor_version": processor_version,
        "clinical_insights": json_text(clinical_insights(row, processor)),
    }


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)

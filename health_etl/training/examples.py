"""From insights to training examples: one JSON line per person, local day, kind of insights and caption level.

Every example is checked here, before it is written: its format, its numbers, and that it holds no personal data of a
known form. Which insights become lines, and where they are written, is decided in journal.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Level, Narrator
from health_etl.errors import HealthEtlError
from health_etl.insights.facts import Figure, clinical_insights, with_labels
from health_etl.insights.texts import example_id
from health_etl.training.grounding import ungrounded
from health_etl.training.line_format import dated, fits, json_text, line
from health_etl.training.personal_data import contact_details, words

# The columns of an insights table that an example needs besides the metrics.
CONTEXT = (
    "subject",
    "user_id",
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


class UngroundedExampleError(ValueError):
    """A text about a person-day has a number that does not come from its input."""


class PersonalExampleError(ValueError):
    """An example would hold the person's user id in place of a pseudonym, or contact details."""


def lines(rows: pd.DataFrame, processor: Narrator, processor_version: str) -> Iterator[list[str] | Exception]:
    """Yield each row of an insights table as JSON lines, one per caption level, without line endings.

    A row that cannot be written so costs only itself: the error is yielded in its place.
    """
    rows = with_labels(rows, processor)
    context = rows[list(CONTEXT)].itertuples(index=False, name=None)
    for values, figures in zip(context, clinical_insights(rows, processor), strict=True):
        try:
            yield _lines(dict(zip(CONTEXT, values, strict=True)), figures, processor, processor_version)
        except HealthEtlError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller names it
            yield error


def columns(processor: Narrator) -> Sequence[str]:
    """Return the columns that `lines` needs."""
    return [*CONTEXT, *(metric.name for metric in processor.reported)]


def _lines(
    row: Mapping[str, Any], figures: Mapping[str, Figure], processor: Narrator, processor_version: str
) -> list[str]:
    shared = _metadata(row, figures, processor, processor_version)
    if not {row["subject"], *row["source_files"]}.isdisjoint(words(row["user_id"])):
        raise PersonalExampleError
    if contact_details(row["input"]) or contact_details(shared["clinical_insights"]):
        raise PersonalExampleError
    return [line(_example(row, caption, figures, shared, processor)) for caption in row["captions"]]


def _example(
    row: Mapping[str, Any],
    caption: Mapping[str, Any],
    figures: Mapping[str, Figure],
    shared: Mapping[str, Any],
    processor: Narrator,
) -> dict[str, Any]:
    """Return an example that has passed every check."""
    level = Level(caption["level"])
    derived = [{**one, "of": list(one["of"])} for one in caption["derived"]]
    own = {
        "example_id": example_id(row["subject"], processor.name, row["local_date"], level),
        "caption_level": level.value,
        "derived": json_text(derived),
    }
    example = {
        "instruction": caption["instruction"],
        "input": row["input"],
        "output": caption["output"],
        "metadata": {**own, **shared},
    }
    if not fits(example, derived, figures):
        raise MisshapenExampleError
    if ungrounded(example["output"], example["input"], derived):
        raise UngroundedExampleError
    if contact_details(example["output"]) or contact_details(own["derived"]):
        raise PersonalExampleError
    return example


def _metadata(
    row: Mapping[str, Any], figures: Mapping[str, Figure], processor: Narrator, processor_version: str
) -> dict[str, Any]:
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
        "clinical_insights": json_text(figures),
    }


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)

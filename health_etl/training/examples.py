"""From insights to training examples: one JSON line per person, local day, kind of insights and caption level.

Every example is checked here, before it is written: its format, its numbers, and that it holds no personal data of a
known form. Which insights become lines, and where they are written, is decided in journal.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from health_etl.clinical.common.base import Level, Narrator
from health_etl.errors import HealthEtlError
from health_etl.insights.facts import Figure, clinical_insights, with_labels
from health_etl.insights.texts import example_id
from health_etl.training.grounding import ungrounded
from health_etl.training.line_format import (
    OF_DAY,
    OF_LINE,
    TEXTS,
    dated,
    derived_fit,
    encoded,
    figures_fit,
    fit,
    json_text,
    line_of,
)
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


@dataclass(frozen=True)
class _Text:
    """What a line has for itself."""

    instruction: str
    output: str
    derived: list[dict[str, Any]]
    metadata: dict[str, str]


def _lines(
    row: Mapping[str, Any], figures: Mapping[str, Figure], processor: Narrator, processor_version: str
) -> list[str]:
    shared = _metadata(row, figures, processor, processor_version)
    texts = [_text(row, caption, processor) for caption in row["captions"]]
    _check(row, figures, shared, texts)
    given, of_day = encoded(row["input"]), encoded(shared)
    return [line_of(text.instruction, given, text.output, text.metadata, of_day) for text in texts]


def _text(row: Mapping[str, Any], caption: Mapping[str, Any], processor: Narrator) -> _Text:
    level = Level(caption["level"])
    derived = [{**one, "of": list(one["of"])} for one in caption["derived"]]
    metadata = {
        "example_id": example_id(row["subject"], processor.name, row["local_date"], level),
        "caption_level": level.value,
        "derived": json_text(derived),
    }
    return _Text(caption["instruction"], caption["output"], derived, metadata)


def _check(
    row: Mapping[str, Any], figures: Mapping[str, Figure], shared: Mapping[str, Any], texts: Sequence[_Text]
) -> None:
    """Raise the reason for which a day makes no lines."""
    given = row["input"]
    if not fit(OF_DAY, shared) or not figures_fit(shared["record_type"], figures):
        raise MisshapenExampleError
    for text in texts:
        said = {"instruction": text.instruction, "input": given, "output": text.output}
        if not fit(TEXTS, said) or not fit(OF_LINE, text.metadata) or not derived_fit(text.derived):
            raise MisshapenExampleError
        if ungrounded(text.output, given, text.derived):
            raise UngroundedExampleError
    own = (f"{text.output}\n{text.metadata['derived']}" for text in texts)
    if contact_details("\n".join((given, shared["clinical_insights"], *own))):
        raise PersonalExampleError
    if not {row["subject"], *row["source_files"]}.isdisjoint(words(row["user_id"])):
        raise PersonalExampleError


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

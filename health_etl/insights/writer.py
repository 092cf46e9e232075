"""From measured days to a written partition: look-back, texts, table.

What was measured comes from person_days.py; when a partition is stale is decided in partition.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from health_etl.clinical import all_processors
from health_etl.clinical.common.base import ClinicalOptions, Narrator
from health_etl.clinical.common.look_back import earlier_days
from health_etl.days.batching import qualify_people, split_by_partition, unqualify_people
from health_etl.days.isolation import isolated
from health_etl.errors import TransientError
from health_etl.insights.failed_people import FailedPerson, Stage, failed_in
from health_etl.insights.look_back import SUBJECT_DAY, DaysIndex, EarlierDays, to_renarrate
from health_etl.insights.partition import Digests, inputs_digest, is_current
from health_etl.insights.partition import write as write_partition
from health_etl.insights.table import IDENTITY, check_computed, day_schema
from health_etl.insights.texts import narrate
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.commits import Head
from health_etl.lake.manifest import DerivedManifest
from health_etl.lake.store import Lake
from health_etl.lake.tables import frame_of, read_table, table_sha256, to_arrow

BATCH_ROWS = 5_000  # person-days; beyond that, time depends on the days and no longer on the number of batches


@dataclass(frozen=True)
class Measured:
    """A partition's days as measured (columns of day_schema), and the digest of what they were measured from."""

    days_digest: str
    days: pd.DataFrame
    days_sha256: str
    failed: tuple[FailedPerson, ...] = ()

    @property
    def dates(self) -> tuple[str, ...]:
        """The local dates, in order."""
        return tuple(sorted(self.days["local_date"].unique()))


class InsightsWriter:
    """Narrates and writes partitions of one kind of insights, oldest first.

    Stage the measured days of every partition first, then write the partitions: small ones are narrated in one batch,
    as the number of narrations, not of days, is what takes time for them.
    """

    def __init__(self, lake: Lake, catalogue: Catalogue, name: str, options: ClinicalOptions) -> None:
        self.processor = all_processors()[name]
        self._manifests = catalogue.insights(name)
        self._manifests.read_all()
        self._current: dict[str, DerivedManifest] = dict(self._manifests)  # with what this writer has written
        self.index = DaysIndex(self._current)
        self._lake = lake
        self._options = options
        self._earlier = EarlierDays(lake, self._current, self.processor.carried)
        self._staged: dict[str, Measured] = {}
        self._narrated: dict[str, pd.DataFrame] = {}
        self._failed: dict[str, Exception] = {}
        self._one_by_one = False  # set once narrating a batch has failed

    def is_unchanged(self, partition: str, head: Head) -> bool:
        """Tell whether nobody has written a partition since it had this head."""
        return self._manifests.head(partition) == head

    def stage(self, partition: str, days_digest: str, days: pd.DataFrame, failed: Sequence[FailedPerson] = ()) -> None:
        """Add the days (columns of day_schema) of a partition to be written; write() raises what is wrong with them.

        The days of a person that do not fit the table are withdrawn. failed: people who failed in earlier stages.
        """

        def checked(subjects: Sequence[str]) -> tuple[pd.DataFrame, str]:
            kept = withdraw_others(days, subjects)
            return kept, table_sha256(kept, day_schema(self.processor))

        try:
            (kept, sha256), errors = isolated(days["subject"].unique().tolist(), checked)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - raised by write()
            self._failed[partition] = error
            return
        failed = (*failed, *(FailedPerson(subject, Stage.WRITE, error) for subject, error in errors.items()))
        self._staged[partition] = measured = Measured(days_digest, kept, sha256, failed)
        self.index.put(partition, measured.dates, sha256)
        self._earlier.stage(partition, kept)

    def write(self, partition: str) -> DerivedManifest | None:
        """Write a staged partition, or one whose look-back has changed, and return its manifest.

        A partition that is current is left alone. None when it is neither staged nor written.
        """
        if partition in self._failed:
            raise self._failed[partition]
        if partition not in self._staged:
            written = self._current.get(partition)
            if written is None or is_current(written, written.details["days_digest"], self.index):
                return written
            rows = self._read(partition)
            days = rows[~rows["retold"].astype(bool)].reset_index(drop=True)
            self.stage(partition, written.details["days_digest"], days, failed_in(written))
        if partition not in self._narrated:
            self._narrate_from(partition)
        measured = self._staged[partition]  # only now: narrating may have withdrawn days
        inputs = inputs_digest(measured.days_digest, self.index, partition, measured.dates)
        digests = Digests(measured.days_digest, inputs, measured.days_sha256)
        rows, head = self._narrated.pop(partition), self._manifests.head(partition)
        manifest = write_partition(self._lake, self.processor, partition, digests, rows, measured.failed, head)
        self._current[partition] = manifest
        self._earlier.put(partition, measured.days)
        return manifest

    def _narrate_from(self, partition: str) -> None:
        """Narrate a partition, batched with those after it while they are small; one by one where that fails, each
        without the people who make it fail.
        """
        batch, rows = [partition], len(self._staged[partition].days)
        for name in sorted(name for name in self._staged if name > partition):
            rows += len(self._staged[name].days)
            if self._one_by_one or rows > BATCH_ROWS:
                break
            batch.append(name)
        try:
            self._narrated |= self._narrate_batch(batch)
        except TransientError:
            raise  # the step is retried
        except Exception:
            if len(batch) == 1:
                raise
            self._one_by_one = True
            self._narrate_from(partition)

    def _narrate_batch(self, partitions: Sequence[str]) -> dict[str, pd.DataFrame]:
        days = _joined([_qualify(self._staged[name].days, name) for name in partitions])
        known = self._known(partitions)
        rows = _joined([days, *self._days_to_renarrate(to_renarrate(days, known))]).sort_values(
            SUBJECT_DAY, ignore_index=True
        )
        history = _history(known, days)

        def narrated_for(subjects: Sequence[str]) -> pd.DataFrame:
            mine = withdraw_others(rows, subjects)
            return narrate(with_trends(mine, history, self.processor, self._options), self.processor)

        subjects = rows["subject"].unique().tolist()
        if len(partitions) > 1:  # where this fails, each partition comes alone
            narrated = narrated_for(subjects)
        else:
            narrated, failed = isolated(subjects, narrated_for)
            self._leave_out(partitions[0], failed)
        found = split_by_partition(narrated, "subject")
        return {name: found.get(name, narrated.head(0)) for name in partitions}

    def _leave_out(self, partition: str, failed: Mapping[str, str]) -> None:
        """Withdraw the staged days of people whose days could not be narrated, so that no later day looks back on them.

        failed: the class of the error by subject, as qualified by the partition.
        """
        if not failed:
            return
        staged = self._staged[partition]
        errors = dict(zip(unqualify_people(pd.Series([*failed])), failed.values(), strict=True))
        days = withdraw_others(staged.days, [one for one in staged.days["subject"].unique() if one not in errors])
        people = (*staged.failed, *(FailedPerson(subject, Stage.NARRATE, error) for subject, error in errors.items()))
        self.stage(partition, staged.days_digest, days, people)

    def _known(self, partitions: Sequence[str]) -> pd.DataFrame:
        """Return the earlier days that these partitions may look back on, people qualified by partition."""
        frames = []
        for name in partitions:
            measured = self._staged[name]
            people = measured.days["subject"].unique().tolist()
            frames.append(_qualify(self._earlier.latest(self.index.around(measured.dates, name), people), name))
        return _joined(frames)

    def _days_to_renarrate(self, wanted: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Yield the days of earlier partitions that are to be narrated again, as measured there."""
        for later, of_partition in split_by_partition(wanted, "subject").items():
            for partition, days in of_partition.groupby("partition"):
                rows = self._measured(str(partition), days["subject"].unique().tolist())
                yield _qualify(rows.merge(days[SUBJECT_DAY], on=SUBJECT_DAY).assign(retold=True), later)

    def _measured(self, partition: str, people: list[str]) -> pd.DataFrame:
        if partition in self._staged:
            days = self._staged[partition].days
            return frame_of(to_arrow(days[days["subject"].isin(people)], day_schema(self.processor)))
        rows = self._read(partition, people)
        return rows[~rows["retold"].astype(bool)]

    def _read(self, partition: str, people: list[str] | None = None) -> pd.DataFrame:
        names = day_schema(self.processor).names
        key = self._current[partition].table_key
        return frame_of(read_table(self._lake, key, columns=names, people=people, person_column="subject"))


def withdraw_others(days: pd.DataFrame, subjects: Sequence[str]) -> pd.DataFrame:
    """Return days with those of everybody but these subjects withdrawn, in the same order."""
    kept = days["subject"].isin(subjects)
    if kept.all():
        return days
    withdrawn = days.loc[~kept, [column.name for column in IDENTITY]].assign(withdrawn=True)
    return pd.concat([days[kept], withdrawn]).sort_index()


def _qualify(days: pd.DataFrame, partition: str) -> pd.DataFrame:
    return days.assign(subject=qualify_people(partition, days["subject"]))


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if len(filled) > 1 else (filled or frames)[0]


def with_trends(
    rows: pd.DataFrame, history: pd.DataFrame, processor: Narrator, options: ClinicalOptions
) -> pd.DataFrame:
    """Add the processor's trends to measured days; `history` holds every day that they may look back on, once.

    Raises PermanentError unless the look-back gives exactly the trends that the processor declares.
    """
    names = [metric.name for metric in processor.trends]
    present = rows[~rows["withdrawn"].astype(bool)]
    if not len(present):
        return rows.reindex(columns=[*rows.columns, *names])
    if processor.look_back is None:
        check_computed(processor, (), names)
        return rows
    earlier = earlier_days(present, history, processor.carried)
    found = processor.look_back(present.reset_index(drop=True), earlier, options)
    check_computed(processor, found.columns, names)
    return rows.join(found[names].set_axis(present.index))


def _history(known: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    """Return every known day once, the partition's own days replacing earlier versions."""
    shared = [name for name in known.columns if name in days.columns]
    both = pd.concat([known[shared], days[shared]], ignore_index=True) if len(known) else days[shared]
    latest = both.drop_duplicates(SUBJECT_DAY, keep="last")
    return latest[~latest["withdrawn"].astype(bool)].reset_index(drop=True)

"""How the two apps score a night: the watch every 30 seconds, the ring every 5 minutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from health_etl.synthetic.apps import RING, WATCH, metadata
from health_etl.synthetic.day_plan import Nap, ThreeDays
from health_etl.synthetic.local_day import MILLIS_PER_MINUTE
from health_etl.synthetic.night import AWAKE, EPOCH_MS, LIGHT, REM, STAGE_NAMES, Night, Stages
from health_etl.synthetic.person import Person
from health_etl.synthetic.records import Record, Row, Version, interval

RECORD_TYPE = "SleepSessionRecord"
RING_BLOCK_MS = 5 * MILLIS_PER_MINUTE
EPOCHS_PER_BLOCK = RING_BLOCK_MS // EPOCH_MS
BRIEF_AWAKENING = 0.02  # probability per 30 s of a movement that the watch scores as awake
BRIEF_AWAKENING_IN_REM = 0.06
RING_RESCORES = 0.25  # probability that the ring app corrects a night at its next sync
RING_TITLE, NAP_TITLE = "Ring", "Nap"


@dataclass(frozen=True)
class RingNight:
    """The night as scored by the ring: one stage code per 5 minutes from `start_ms` on."""

    session_id: str
    start_ms: int
    end_ms: int
    blocks: Stages


def ring_night(person: Person, night: Night) -> RingNight:
    """Return the ring's scoring, which starts later and ends earlier than that of the watch."""
    rng = person.rng("ring night", night.day_ordinal)
    late = int(rng.integers(2, 40))
    early = int(rng.integers(2, 30))
    seen = night.stages[late : night.stages.size - early]
    whole = seen[: seen.size // EPOCHS_PER_BLOCK * EPOCHS_PER_BLOCK].reshape(-1, EPOCHS_PER_BLOCK)
    votes = (whole[:, :, None] == np.arange(len(STAGE_NAMES))).sum(axis=1)
    blocks = votes.argmax(axis=1).astype(np.int8)
    blocks[0] = AWAKE
    start_ms = night.bed_ms + late * EPOCH_MS
    end_ms = start_ms + blocks.size * RING_BLOCK_MS + int(rng.integers(1, 60)) * 1_000
    return RingNight(person.record_id("ring session", str(night.day_ordinal)), start_ms, end_ms, blocks)


def sleep_session_records(days: ThreeDays, ring: RingNight) -> list[Record]:
    """Return the sessions that end on the day: the same night from two apps, and the nap, entered by hand."""
    records = [_watch_session(days), _ring_session(days, ring)]
    if days.today.nap:
        records.append(_nap_session(days, days.today.nap))
    return records


def _watch_session(days: ThreeDays) -> Record:
    person, night = days.person, days.today.night
    rng = person.rng("watch night", night.day_ordinal)
    chance = np.where(night.stages == REM, BRIEF_AWAKENING_IN_REM, BRIEF_AWAKENING)
    scored = np.where(rng.random(night.stages.size) < chance, AWAKE, night.stages).astype(np.int8)
    stages = _runs(scored, night.bed_ms, night.rise_ms, EPOCH_MS)
    modified_ms = int(days.watch_sync(night.rise_ms))
    meta = metadata(WATCH, person, RECORD_TYPE, modified_ms, start_ms=night.bed_ms)
    row = _row(person, meta, night.bed_ms, night.rise_ms, None, stages)
    return Record(night.bed_ms, night.rise_ms, (Version(modified_ms, row),))


def _ring_session(days: ThreeDays, ring: RingNight) -> Record:
    person = days.person
    rng = person.rng("ring rescoring", days.today.day.ordinal)
    first_ms = int(days.ring_sync(ring.end_ms))
    scorings = [(first_ms, ring.blocks)]
    if rng.random() < RING_RESCORES:
        scorings.append((int(days.ring_sync(first_ms + 1)), _without_lone_awakenings(ring.blocks)))
    versions = tuple(
        Version(modified_ms, _ring_row(person, ring, modified_ms, blocks)) for modified_ms, blocks in scorings
    )
    return Record(ring.start_ms, ring.end_ms, versions)


def _ring_row(person: Person, ring: RingNight, modified_ms: int, blocks: Stages) -> Row:
    meta = metadata(RING, person, RECORD_TYPE, modified_ms, client_record_id=f"ring:{ring.session_id}")
    stages = _runs(blocks, ring.start_ms, ring.end_ms, RING_BLOCK_MS)
    return _row(person, meta, ring.start_ms, ring.end_ms, RING_TITLE, stages)


def _without_lone_awakenings(blocks: Stages) -> Stages:
    """Rescore single awake blocks between two sleep blocks as light sleep."""
    awake = blocks == AWAKE
    lone = np.zeros_like(awake)
    lone[1:-1] = awake[1:-1] & ~awake[:-2] & ~awake[2:]
    return np.where(lone, LIGHT, blocks).astype(np.int8)


def _nap_session(days: ThreeDays, nap: Nap) -> Record:
    """Return the nap, without stages and without a device, since none was worn."""
    person, modified_ms = days.person, int(days.watch_sync(nap.end_ms))
    meta = metadata(WATCH, person, RECORD_TYPE, modified_ms, start_ms=nap.start_ms, by_hand=True)
    row = _row(person, meta, nap.start_ms, nap.end_ms, NAP_TITLE, [])
    return Record(nap.start_ms, nap.end_ms, (Version(modified_ms, row),))


def _runs(codes: Stages, start_ms: int, end_ms: int, step_ms: int) -> list[Row]:
    """Return stages: runs of equal codes are merged, and the last one is extended to the end of the session."""
    firsts = np.concatenate(([0], np.flatnonzero(np.diff(codes)) + 1))
    starts = (start_ms + firsts * step_ms).tolist()
    ends = [*starts[1:], end_ms]
    names = [STAGE_NAMES[code] for code in codes[firsts].tolist()]
    return [
        {"startTimeEpochMillis": start, "endTimeEpochMillis": end, "stage": name}
        for start, end, name in zip(starts, ends, names, strict=True)
    ]


def _row(person: Person, meta: Row, start_ms: int, end_ms: int, title: str | None, stages: list[Row]) -> Row:
    return {
        "metadata": meta,
        "title": title,
        "notes": None,
        **interval(start_ms, end_ms, person.zone),
        "durationMillis": end_ms - start_ms,
        "stages": stages,
    }

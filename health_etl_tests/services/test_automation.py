"""It runs itself: what lands in the bucket becomes training data on the real stack, even while its parts die.

TEST_HEALTH_ETL_DAEMON_KILLS and TEST_HEALTH_ETL_OUTAGE_SECONDS make the test of faults longer, and extend it to all
record types: `make automation`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, partial
from pathlib import Path
from time import sleep
from typing import Any

import pika
import pytest

from deploy.stack.settings import BIN, CHECKOUT
from health_etl.days.pseudonym import subject
from health_etl.insights.partition import InsightOptions
from health_etl.lake import keys
from health_etl.lake.catalogue import Catalogue
from health_etl.lake.manifest import FileEntry
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.dead_runs import UNFINISHED
from health_etl.orchestration.jobs import BRING_UP_TO_DATE
from health_etl.orchestration.sensors.uploads import RECORD_TYPE
from health_etl.planning import staleness
from health_etl.planning.run_requests import REQUESTED
from health_etl.rabbitmq.broker import DEAD_LETTERS, EXCHANGE, QUEUE
from health_etl.record_types import record_types
from health_etl.records.quality import QualityRules
from health_etl.settings import Settings
from health_etl.training.line_format import dated
from health_etl.uploads.listing import list_all
from health_etl_tests.support.exports import (
    UPLOADED,
    avro_bytes,
    contents,
    folder_lake,
    plain,
    put,
    put_content,
    shift_days,
)
from health_etl_tests.support.pipeline import all_files
from health_etl_tests.support.stack import RunningStack, running_stack
from health_etl_tests.support.state import journal_files
from health_etl_tests.support.waiting import PATIENCE_SECONDS, wait_for

KILLS = int(os.environ.get("TEST_HEALTH_ETL_DAEMON_KILLS", "1"))
OUTAGE_SECONDS = float(os.environ.get("TEST_HEALTH_ETL_OUTAGE_SECONDS", "2"))
# Two failures in one outage would use up two of three attempts; a busy machine is slow to end one.
RETRY_SECONDS = 30 + int(2 * OUTAGE_SECONDS)
SETTLED_SECONDS = PATIENCE_SECONDS + 30 * KILLS + 15 * OUTAGE_SECONDS
LOOK_EVERY_SECONDS = 2.0  # checking the whole lake costs as much as a tick
TODAY = datetime.now(UTC).date()
DATES = (TODAY, TODAY - timedelta(days=1), TODAY - timedelta(days=400))
NAMES = list(record_types()) if KILLS > 1 else list(record_types())[1::3]  # each costs a run on every span of dates
PEOPLE = ("ana", "ben", "cyd", "dee", "eli")


@dataclass
class Automated:
    """A stack whose sensors are on, and how a test inspects it."""

    stack: RunningStack

    @cached_property
    def settings(self) -> Settings:
        return self.stack.lake_settings()

    @cached_property
    def lake(self) -> Lake:
        return connect(self.settings)

    def is_settled(self) -> bool:
        """Say whether nothing is out of date and no run is unfinished."""
        if self.unfinished():
            return False
        catalogue = Catalogue(self.lake)
        catalogue.read_all()
        listing = list_all(self.lake, self.settings.start_date, TODAY + timedelta(days=1))
        rules = QualityRules.of(self.settings)
        if staleness.stale_records(listing, catalogue, staleness.Scope(), rules):
            return False
        options = InsightOptions.of(self.settings, self.lake)
        if staleness.daily_work((), catalogue, options, self.settings.start_date).dates:
            return False
        return not staleness.stale_months(self.lake, catalogue) and not self.unfinished()  # none began meanwhile

    def unfinished(self) -> int:
        found = self.stack.ask(
            "query ($statuses: [RunStatus!]) "
            "{ runsOrError(filter: {statuses: $statuses}) { ... on Runs { results { id } } } }",
            statuses=[status.value for status in UNFINISHED],
        )
        return len(found["runsOrError"]["results"])

    def settle(self) -> None:
        wait_for(self.is_settled, SETTLED_SECONDS, LOOK_EVERY_SECONDS)

    def succeeded_requests(self) -> dict[tuple[str, str, str], list[str]]:
        """Return the successful runs that sensors requested, by record type, upload date and state."""
        found = self.stack.ask(
            "query ($job: String!) { runsOrError(filter: {pipelineName: $job, statuses: [SUCCESS]}) "
            "{ ... on Runs { results { creationTime startTime endTime tags { key value } } } } }",
            job=BRING_UP_TO_DATE,
        )
        runs: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for run in found["runsOrError"]["results"]:
            tags = {tag["key"]: tag["value"] for tag in run["tags"]}
            times = " ".join(f"{run[name]:.1f}" for name in ("creationTime", "startTime", "endTime"))
            if RECORD_TYPE in tags:
                for partition, state in json.loads(tags[REQUESTED]).items():
                    about = f"{tags['dagster/sensor_name']} {tags['dagster/run_key']} {times}"
                    runs[tags[RECORD_TYPE], partition, state].append(about)
        return runs

    def files(self) -> list[FileEntry]:
        """Return the accounts of every file."""
        return all_files(self.lake)

    def lines(self) -> list[dict[str, Any]]:
        """Return every training example."""
        found = contents(self.lake, "training/")
        journals = [raw for key, raw in found.items() if key.endswith(".jsonl")]
        return [json.loads(line) for raw in journals for line in raw.decode().splitlines()]


@pytest.fixture(scope="module")
def automated(clean_session: None) -> Iterator[Automated]:
    del clean_session
    with pytest.MonkeyPatch.context() as patch:
        # What a broker loses when it is killed, the sweep over old dates finds: in an hour by default.
        patch.setenv("HEALTH_ETL_FULL_SWEEP_MINUTES", "1")
        patch.setenv("HEALTH_ETL_RUN_RETRY_SECONDS", str(RETRY_SECONDS))
        with running_stack() as stack:
            yield Automated(stack)


def made_on(name: str, person: str, day: date, tag: str = "") -> dict[str, Any]:
    """Return a record that was measured the day before."""
    record = plain(name, f"{name}-{person}-{day}{tag}")
    found: dict[str, Any] = shift_days(record, (day - UPLOADED).days)
    return found


def uploads(lake: Lake) -> list[tuple[Callable[[], str], bool]]:
    """Return uploads, each with whether it is good: 15 exports per type, 5 of the same content again, bad ones."""
    cases = [(name, person, day) for day in DATES for person in PEOPLE for name in NAMES]
    good = [partial(put_export, lake, name, person, day) for name, person, day in cases]
    again = [partial(put_export, lake, name, person, day, time(1)) for name, person, day in cases[:5]]
    bad = [
        partial(put_content, lake, name, b"no Avro at all, " + name.encode(), user_id="ana", upload_date=TODAY)
        for name in NAMES[:5]
    ]
    return [*((upload, True) for upload in good + again), *((upload, False) for upload in bad)]


def put_export(lake: Lake, name: str, person: str, day: date, exported: time = time(12)) -> str:
    at = datetime.combine(day, exported, UTC)
    return put(lake, name, [made_on(name, person, day)], user_id=person, upload_date=day, exported=at)


def announce(stack: RunningStack, bodies: list[bytes]) -> None:
    """Publish messages as this project's predecessor did, over a separate connection."""
    with closing(pika.BlockingConnection(pika.URLParameters(stack.settings.rabbitmq_url))) as connection:
        channel = connection.channel()
        for body in bodies:
            channel.basic_publish(EXCHANGE, "health.processing.steps.normal", body)


def message(key: str) -> bytes:
    return json.dumps({"bucket": "health-data", "key": key, "correlation_id": keys.mask_key(key)[-8:]}).encode()


def waiting(stack: RunningStack, queue: str) -> int:
    with closing(pika.BlockingConnection(pika.URLParameters(stack.settings.rabbitmq_url))) as connection:
        return int(connection.channel().queue_declare(queue, passive=True).method.message_count)


def test_files_that_arrive_at_once_while_services_die_are_each_processed_exactly_once(
    automated: Automated, tmp_path: Path
) -> None:
    stack, lake, dice = automated.stack, automated.lake, random.Random(1)
    with ThreadPoolExecutor(20) as pool:
        done = [(pool.submit(upload), good) for upload, good in uploads(lake)]
        known = sorted(each.result() for each, good in done if good)
        bad = [each.result() for each, good in done if not good]
    malformed = [b"{", b"[]", b'{"bucket": "health-data"}', b"\xff\xfe", b'{"Records": {}}']
    foreign = [json.dumps({"bucket": "elsewhere", "key": known[0]}).encode()]
    bodies = [message(key) for key in known] + [message(key) for key in known[:10]]
    dice.shuffle(bodies)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda at: announce(stack, bodies[at::10]), range(10)))
    announce(stack, [*malformed, *foreign])
    for name in ["daemon"] * KILLS + ["rabbitmq", "s3", "postgresql"]:
        sleep(dice.uniform(1, 6))
        stack.stack.service(name).kill()
        sleep(0 if name == "daemon" else OUTAGE_SECONDS)
        stack.stack.up(lambda _line: None)
    automated.settle()

    taken = Counter(file.key for file in automated.files() if not file.reason)
    assert taken == dict.fromkeys(known, 1)
    refused = Counter(file.key for file in automated.files() if file.reason)
    assert refused == dict.fromkeys(bad, 1)
    examples = Counter(map(_about, automated.lines()))
    assert set(examples.values()) == {1}
    assert len({person for person, *_ in examples}) == len(PEOPLE)
    assert {found: runs for found, runs in automated.succeeded_requests().items() if len(runs) > 1} == {}
    wait_for(lambda: waiting(stack, QUEUE) == 0)
    assert waiting(stack, DEAD_LETTERS) == len(malformed) + len(foreign)
    assert journal_files(lake) == undisturbed(lake, tmp_path)


def _about(line: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(line["metadata"][name]) for name in ("subject", "local_date", "record_type", "caption_level"))


def undisturbed(lake: Lake, folder: Path) -> dict[str, bytes]:
    """Return the training data that one run over the same uploads gives."""
    other = folder_lake(folder / "lake")
    for key, content in contents(lake, "raw/").items():
        other.put(key, content)
    own = {"HEALTH_ETL_LAKE": (folder / "lake").as_uri(), "DAGSTER_HOME": str(folder / "home")}
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").symlink_to(CHECKOUT / "dagster.yaml")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEALTH_ETL_")}
    done = subprocess.run(
        [str(BIN / "health-etl"), "run"], env=clean | own, capture_output=True, text=True, check=False, cwd=CHECKOUT
    )
    assert done.returncode in (0, 1), done.stderr  # 1: files were refused
    return journal_files(other)


Examples = dict[tuple[str, ...], str]


def examples_by_key(automated: Automated) -> Examples:
    """Return every training example by person, day, record type and level."""
    return {_about(line): json.dumps(line, sort_keys=True) for line in automated.lines()}


def test_late_changed_and_deleted_uploads_change_only_the_days_they_touch(automated: Automated) -> None:
    lake, long_ago = automated.lake, TODAY - timedelta(days=700)
    before, requests_before = examples_by_key(automated), automated.succeeded_requests()
    late = put(lake, "steps", [made_on("steps", "ben", long_ago)], user_id="ben", upload_date=long_ago)
    automated.settle()
    after = examples_by_key(automated)
    new = {about for about in after if after[about] != before.get(about)}
    ben = subject("ben", automated.settings.pseudonym_key.get_secret_value())
    assert {about[:2] for about in new} == {(ben, dated((long_ago - timedelta(days=1)).isoformat()))}
    assert {about: line for about, line in after.items() if about not in new} == before

    lake.put(late, avro_bytes("steps", [made_on("steps", "ben", long_ago, "other")]))
    automated.settle()
    assert examples_by_key(automated) == before
    (refused,) = [file for file in automated.files() if file.key == late]
    assert refused.reason == "hash_mismatch"

    lake.delete([late])
    automated.settle()
    assert examples_by_key(automated) == before
    assert not [file for file in automated.files() if file.key == late]
    # Nothing died meanwhile: each of the three states made one run.
    requested = {found: runs for found, runs in automated.succeeded_requests().items() if found not in requests_before}
    assert [(name, partition, len(runs)) for (name, partition, _), runs in requested.items()] == [
        ("steps", long_ago.isoformat(), 1)
    ] * 3

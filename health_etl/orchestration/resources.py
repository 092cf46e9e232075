"""Dagster resources: the lake and the settings, configured once, from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from health_etl.errors import HealthEtlError, PermanentError, SettingsError, TransientError
from health_etl.lake.store import Lake, connect
from health_etl.orchestration.run_lock import one_writer
from health_etl.settings import Settings, load

RETRIES = 3
FIRST_WAIT_SECONDS = 2


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake. Keys and endpoint come from the environment (HEALTH_ETL_S3_*) and are never shown."""

    url: str = Field(description="file:///folder or s3://bucket; the environment variable is HEALTH_ETL_LAKE")

    def settings(self) -> Settings:
        """Return the settings, with this resource's address."""
        return load().model_copy(update={"lake": self.url})

    def open(self) -> Lake:
        """Open the lake."""
        return connect(self.settings())


@contextmanager
def reported_failures(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Turn our failures into Dagster's: a transient one is tried again, a permanent one stops the run's retries.

    Nothing else works in the step's pool meanwhile.
    """
    try:
        with one_writer(context.instance, context.op_def.pool):
            yield
    except TransientError as error:
        if context.retry_number >= RETRIES:
            raise dg.Failure(str(error)) from None
        wait = FIRST_WAIT_SECONDS * 2**context.retry_number
        context.log.warning(f"{error} Trying again in {wait} s.")
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait) from None
    except (PermanentError, SettingsError, HealthEtlError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None

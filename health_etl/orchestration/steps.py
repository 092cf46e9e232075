"""What every step does: it is the only writer in its pool, reports failures as Dagster's, and advances progress."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

import dagster as dg

from health_etl.errors import HealthEtlError, TransientError
from health_etl.orchestration import progress
from health_etl.orchestration.run_lock import one_writer

RETRIES = 3
FIRST_WAIT_SECONDS = 2

StepContext = dg.AssetExecutionContext | dg.OpExecutionContext

_Context = TypeVar("_Context", bound=StepContext)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def step(
    compute: Callable[Concatenate[_Context, _Arguments], _Result],
) -> Callable[Concatenate[_Context, _Arguments], _Result]:
    """Run a compute function within `run_step`. Goes directly below `@dg.op`, which still sees the signature.

    Not for generators, whose body runs after the call returns: use `run_step` in the body.
    """

    @functools.wraps(compute)
    def run(context: _Context, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with run_step(context):
            return compute(context, *args, **kwargs)

    return run


@contextmanager
def run_step(context: StepContext) -> Iterator[None]:
    """Hold the pool of the step while the block runs, and advance the progress once it succeeds.

    Our failures become Dagster's: a transient one is retried, a permanent one also stops the retries of the run.
    """
    try:
        with one_writer(context.instance, context.op_def.pool):
            yield
    except TransientError as error:
        if context.retry_number >= RETRIES:
            raise dg.Failure(str(error)) from None
        wait = FIRST_WAIT_SECONDS * 2**context.retry_number
        context.log.warning(f"{error} Retrying in {wait} s.")
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait) from None
    except HealthEtlError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    progress.advance("steps")

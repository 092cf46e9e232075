"""IO managers. Assets write to the lake themselves; what ops pass on within a run stays in memory."""

from __future__ import annotations

from typing import Any

import dagster as dg


class HandOverIOManager(dg.IOManager):
    """Passes an op's output to the one op that reads it, and forgets it once that op is done.

    So a run over a range holds the frames of one step at a time, and a step that is retried still finds its input.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, ...], Any] = {}
        self._read_by: dict[str, tuple[str, ...]] = {}

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Keep an output until it is read, and drop the input of the op that produced it."""
        done = self._read_by.pop(context.step_key, None)
        if done is not None:
            self._waiting.pop(done, None)
        if obj is not None:
            self._waiting[tuple(context.get_identifier())] = obj

    def load_input(self, context: dg.InputContext) -> Any:
        """Return the output of the upstream op."""
        if context.upstream_output is None:
            raise dg.DagsterInvariantViolationError("only outputs of ops can be passed on")
        identifier = tuple(context.upstream_output.get_identifier())
        self._read_by[context.step_context.step.key] = identifier
        return self._waiting[identifier]


@dg.io_manager(description="Passes an op's output to the next op of the same run, in memory.")
def hand_over_io_manager() -> HandOverIOManager:
    """Return the IO manager of one run."""
    return HandOverIOManager()

"""IO managers. Assets write the lake themselves; what ops hand each other within a run stays in memory."""

from __future__ import annotations

from typing import Any

import dagster as dg


class HandOverIOManager(dg.IOManager):
    """Hands an op's output to the one op that reads it, and forgets it then: a range holds one step's frames."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, ...], Any] = {}

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Keep an output until it is read."""
        if obj is not None:
            self._waiting[tuple(context.get_identifier())] = obj

    def load_input(self, context: dg.InputContext) -> Any:
        """Give the output away."""
        if context.upstream_output is None:
            raise dg.DagsterInvariantViolationError("only outputs of ops can be handed over")
        return self._waiting.pop(tuple(context.upstream_output.get_identifier()))


@dg.io_manager(description="Hands an op's output to the next op of the same run, in memory.")
def hand_over_io_manager() -> HandOverIOManager:
    """Make one for a run."""
    return HandOverIOManager()

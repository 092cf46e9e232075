"""Which test files begin first, and which share a process, when several processes run them.

A file is handed out as a whole, in the order of collection: what takes longest must not be what begins last.
"""

from __future__ import annotations

from pathlib import PurePath

# The longest first, of those that take more than a few seconds. A file that is missing here is merely begun later.
SLOW_FIRST = (
    "test_automation.py",
    "test_stack.py",
    "test_ui.py",
    "test_order_independence.py",
    "test_cli_killed.py",
    "test_s3_killed.py",
    "test_fuzz.py",
    "test_cli_run.py",
    "test_s3_run.py",
    "test_s3_keys.py",
    "test_queue.py",
    "test_cli_quarantine.py",
    "test_look_back.py",
    "test_smoke.py",
    "test_s3_faults.py",
    "test_quiet_bucket.py",
    "test_record_type_contract.py",
    "test_large_bucket.py",
)
ON_ONE_STACK = ("test_stack.py", "test_ui.py")  # half a minute of processor time to start


def position(path: PurePath) -> int:
    """Return when a file has its turn; files with the same number keep their order."""
    return SLOW_FIRST.index(path.name) if path.name in SLOW_FIRST else len(SLOW_FIRST)


def unit(node_id: str) -> str:
    """Return what a test is handed out with: its file, or the files that share a stack."""
    file = node_id.partition("::")[0]
    return "the stack" if PurePath(file).name in ON_ONE_STACK else file

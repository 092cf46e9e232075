"""Start one program on one core, wait for it, and print as JSON what it took. Run as a script: launch.py CORE PROGRAM …

A small process of its own stands between the benchmark and the program, because Linux counts the memory of the process
that started a program into the program's peak. CORE is a number, or `any`.
"""

import json
import os
import subprocess
import sys
import time

BYTES_PER_KB = 1024
BYTES_PER_MB = 1e6


def main() -> int:
    """Return the exit code of the program; what it prints goes to standard error."""
    core, *program = sys.argv[1:]
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    begin_s = time.perf_counter()
    process = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)  # includes the processes that the program started and waited for
    took = {
        "processor_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.perf_counter() - begin_s,
        "peak_mb": usage.ru_maxrss * BYTES_PER_KB / BYTES_PER_MB,
    }
    print(json.dumps(took))
    return 0 if status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

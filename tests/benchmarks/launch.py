"""Run a command and write what it took, from a process that is itself next to nothing.

    python -S launch.py FIGURES COMMAND [ARGUMENT …]

A process starts with its parent's peak of memory on its account, so a large program cannot measure
what it starts.
"""

import json
import os
import sys
import time


def main(figures: str, command: list[str]) -> int:
    """Write seconds, processor seconds and peak bytes to `figures`; return the command's status."""
    began = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - began
    with open(figures, "w", encoding="utf-8") as file:  # noqa: PTH123 - the fewer imports, the smaller
        json.dump([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024], file)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

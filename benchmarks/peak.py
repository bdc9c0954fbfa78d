"""`python -m benchmarks.peak COMMAND…`: runs it, and tells on stderr what memory it took, in KB.

A process of its own, and a small one: the kernel counts a parent's memory to what it starts.
"""

import os
import sys


def main() -> None:
    program, *_ = arguments = sys.argv[1:]
    _, status, usage = os.wait4(os.posix_spawnp(program, arguments, os.environ), 0)
    print(usage.ru_maxrss, file=sys.stderr)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()

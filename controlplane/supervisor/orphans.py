"""Ends the process groups of a supervisor that was killed.

The kernel kills a supervisor's children with it (PR_SET_PDEATHSIG), but not their children: granian's workers would
stay and keep the port. This small process reads `+GROUP` and `-GROUP` lines from a pipe that only the supervisor holds
open. When the pipe closes, the supervisor is gone, and every group still on the list is killed. It runs in a session
of its own, so that no signal meant for the others reaches it. Standard library only; it is started as a file.
"""

import os
import signal
import sys


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        act, group = line[0], int(line[1:])
        if act == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    main()

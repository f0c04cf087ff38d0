"""`make bench`: measures everything, prints a table, writes benchmarks/results.json.

Ends with 0 when every benchmark ran, whether or not its aim was met, and with 1 when one could not run.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from . import admission, asl, backlog, calls, composing, intake, sagas, served
from .bed import ELSEWHERE, Bed, Server
from .figures import Entry, table, write

RESULTS = Path(__file__).parent / "results.json"
SERVED: list[Callable[[Bed, Server], list[Entry]]] = [
    served.pass_through,
    served.fan_out,
    composing.composition,
    served.delay_flag,
]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    began, entries, failed = time.monotonic(), [], []
    os.sched_setaffinity(0, ELSEWHERE)
    bed = Bed()
    try:
        bed.prepare()
        backend = bed.backend()
        served.configure(backend)
        works = [(work.__name__, lambda work=work: work(bed, backend)) for work in SERVED]
        inside = [
            ("overhead", lambda: calls.overhead(bed)),
            ("admission", lambda: admission.admission(bed)),
            ("interpreter", lambda: asl.interpreter(bed)),
            ("intake", lambda: intake.intake(bed)),
            ("backlog", lambda: backlog.backlog(bed, backend)),
            ("sagas", lambda: sagas.sagas(bed)),
        ]
        for name, work in [*works, *inside]:
            print(f"{time.monotonic() - began:4.0f} s  {name}", file=sys.stderr, flush=True)
            try:
                entries += work()
            except Exception:
                failed.append(name)
                traceback.print_exc()
                print(bed.said(), file=sys.stderr)
    finally:
        bed.close()
    write(entries, RESULTS)
    print(table(entries))
    print(f"\n{time.monotonic() - began:.0f} s; written to {RESULTS.relative_to(Path.cwd())}")
    if failed:
        print(f"Could not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Run in an environment of its own by benchmarks.sagas: the same saga as a DBOS workflow of four steps.

Prints JSON: workflows per second, all started at once as DBOS's own threads carry them.
"""

import json
import os
import sys
import time

from dbos import DBOS

INPUT = {"order": {"id": 7, "total": 12.5}}


@DBOS.step()
def step(order: dict) -> dict:
    return {"ok": True, "id": 7}


@DBOS.workflow()
def saga(order: dict) -> dict:
    for number in range(4):
        order = {**order, f"s{number}": step(order)}
    return order


def main(url: str, count: int) -> None:
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})
    DBOS.launch()
    for _ in range(5):
        saga(INPUT)
    began = time.perf_counter()
    started = [DBOS.start_workflow(saga, INPUT) for _ in range(count)]
    for handle in started:
        handle.get_result()
    print(json.dumps({"per_second": count / (time.perf_counter() - began)}), flush=True)
    os._exit(0)  # its threads have nothing more to say


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

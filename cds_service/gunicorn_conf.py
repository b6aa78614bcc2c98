"""How the service runs under gunicorn: ``osteohooks serve`` uses it, and so may
``gunicorn -c python:cds_service.gunicorn_conf 'cds_service.app:create_app()'``.

Threads, because a call that fetches waits; a grace period longer than any call, so that a stop finishes what it began.
"""

import atexit
import gc
import os
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import Any

SPARE_THREADS = 4  # more than server.max_concurrent_calls, for the 503 and for /health
COLLECT_AFTER = 20_000, 10, 50  # objects a call leaves are few and hardly ever in circles
COUNTS = "PROMETHEUS_MULTIPROC_DIR"  # where the workers count together, for /metrics

bind = "127.0.0.1:8000"
worker_class = "cds_service.worker.Worker"
workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
threads = 28 + SPARE_THREADS
# Connections that no worker has taken yet. Each takes up to 1,000 (worker_connections), and turns away calls that are
# too many. Fewer here would turn nobody away sooner: Linux drops what is over, and the client tries again later.
backlog = 2048
timeout = 60
graceful_timeout = 30
keepalive = 15
accesslog = None  # an access log holds addresses; switch it on where it is wanted
errorlog = "-"
loglevel = "warning"
proc_name = "osteohooks"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

_shared = False


def share_counts() -> None:
    """Has the workers count together, from zero: in a new folder, or in the one that is set, cleared of an earlier run.

    Before anything imports prometheus_client, which looks for the folder once, and never again.
    """
    global _shared
    if _shared:
        return
    _shared = True
    if not os.environ.get(COUNTS):
        os.environ[COUNTS] = tempfile.mkdtemp(prefix="osteohooks-metrics-")
        atexit.register(_remove, os.environ[COUNTS], os.getpid())
    folder = Path(os.environ[COUNTS])
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.db"):
        left.unlink(missing_ok=True)


def _remove(folder: str, maker: int) -> None:
    if os.getpid() == maker:  # a worker that ends leaves it to the others
        rmtree(folder, ignore_errors=True)


def on_starting(server: Any) -> None:
    share_counts()
    from cds_service.logs import start_logs

    start_logs()


def post_fork(server: Any, worker: Any) -> None:
    """Again, since a reload gives gunicorn's own log back its first shape."""
    from cds_service.logs import start_logs

    start_logs()


def post_worker_init(worker: Any) -> None:
    """Everything loaded by now stays for good: the collector need not look at it again while a call waits."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)

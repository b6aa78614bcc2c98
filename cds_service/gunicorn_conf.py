"""How the service runs under gunicorn: ``osteohooks serve`` uses it, and so may
``gunicorn -c python:cds_service.gunicorn_conf 'cds_service.app:create_app()'``.

Threads, because a call that fetches waits; a grace period longer than any call, so that a stop finishes what it began.
"""

import os

bind = "127.0.0.1:8000"
worker_class = "gthread"
workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
threads = 8
timeout = 60
graceful_timeout = 30
keepalive = 15
accesslog = None  # an access log holds addresses; switch it on where it is wanted
errorlog = "-"
loglevel = "warning"
proc_name = "osteohooks"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

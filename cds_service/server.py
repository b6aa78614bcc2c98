"""gunicorn, started from Python with the settings already read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from cds_service import gunicorn_conf
from cds_service.settings import Settings


class Server(BaseApplication):
    """One gunicorn: each worker makes its own application after the fork."""

    def __init__(self, settings: Settings, changes: dict[str, Any]) -> None:
        self.settings = settings
        self.changes = changes
        super().__init__()

    def load_config(self) -> None:
        written = {name: value for name, value in vars(gunicorn_conf).items() if name in self.cfg.settings}
        for name, value in (written | self.changes).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        from cds_service.app import create_app  # by then gunicorn_conf has said where the workers count

        return create_app(self.settings)


def run(settings: Settings, *, host: str, port: int, workers: int | None, ready: Callable[[], None]) -> None:
    """Serves until it is told to stop, and calls ``ready`` once it listens. Does not return."""
    bare = host.strip("[]")
    changes: dict[str, Any] = {
        "bind": f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}",
        "threads": settings.server.max_concurrent_calls + gunicorn_conf.SPARE_THREADS,
        "when_ready": lambda _: ready(),
    }
    if workers is not None:
        changes["workers"] = workers
    Server(settings, changes).run()

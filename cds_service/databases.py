"""How a store is reached: its address, its connections, and the migrations that bring it up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cds_service.settings import SettingsError
from cds_service.settings import Store as StoreSettings

HEAD = "0002"  # the newest of migrations/versions; a store that has it needs no Alembic, which is slow to load
ALLOWED = "sqlite:///FILE, postgresql+psycopg://USER:PASSWORD@HOST/DATABASE, or nothing to keep none"

_WAIT_MS = {True: 250, False: 5000}  # what a quick statement, and any other, may wait for another writer
_CONNECT_S = 2  # the shortest that PostgreSQL's library knows
_MIGRATION_LOCK = 6_743_301  # any number, the same on every machine


def address(settings: StoreSettings) -> sa.URL:
    """The address of a store. Raises SettingsError."""
    try:
        url = sa.make_url(settings.url)
        backend = url.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise SettingsError(f'store.url: found "{settings.shown_url}", allowed: {ALLOWED}') from None
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url
    if backend == "postgresql" and url.drivername in ("postgresql", "postgresql+psycopg"):
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise SettingsError(
                "store.url: found a PostgreSQL address, and no psycopg. Install it: pip install 'osteohooks[postgres]'"
            ) from None
        return url.set(drivername="postgresql+psycopg")
    raise SettingsError(f'store.url: found "{settings.shown_url}", allowed: {ALLOWED}')


def engine_of(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True, max_overflow=-1)
        sa.event.listen(engine, "connect", _connect_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = f"-c statement_timeout={_WAIT_MS[False]} -c idle_in_transaction_session_timeout={_WAIT_MS[False]}"
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=_CONNECT_S,
        connect_args={"connect_timeout": _CONNECT_S, "tcp_user_timeout": 1000 * _CONNECT_S, "options": options},
    )
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _connect_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    until = monotonic() + _WAIT_MS[False] / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:  # of several that open a new file at once SQLite lets none wait for this
            if monotonic() > until:
                raise
            sleep(0.01)


def _begin_sqlite(connection: sa.Connection) -> None:
    """A write takes its lock at once, so that two of them wait for each other and never fail half-way."""
    chosen = connection.get_execution_options()
    if chosen.get("reading"):
        return  # each statement sees one moment; that is enough
    quick = bool(chosen.get("quick"))
    raw: Any = connection.connection.dbapi_connection  # straight to SQLite, since every call comes by here
    if connection.info.get("quick") != quick:
        raw.execute(f"PRAGMA busy_timeout={_WAIT_MS[quick]}")
        raw.execute(f"PRAGMA synchronous={'NORMAL' if quick else 'FULL'}")
        connection.info["quick"] = quick
    raw.execute("BEGIN IMMEDIATE")


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("quick"):
        connection.exec_driver_sql(
            f"SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = {_WAIT_MS[True]}"
        )


def bring_up_to_date(engine: sa.Engine) -> None:
    """Runs the migrations that the store lacks, one process at a time."""
    with engine.connect() as raw:
        connection = raw.execution_options(reading=True)
        with connection.begin():
            if _has_head(connection):
                return
    with engine.begin() as connection:  # SQLite: the write lock
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        if not _has_head(connection):
            _upgrade(connection)


def _has_head(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table("alembic_version"):
        return False
    return HEAD in connection.scalars(sa.text("SELECT version_num FROM alembic_version"))


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

"""The tables of the store, and the statements that every call makes on them."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


class Utc(sa.TypeDecorator[datetime]):
    """A moment; SQLite keeps it without its zone, so it is always UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


metadata = sa.MetaData()

card_shown = sa.Table(
    "card_shown",
    metadata,
    sa.Column("card", sa.String(36), primary_key=True),
    sa.Column("advisory", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("band", sa.Text, nullable=False),
    sa.Column("indicator", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("hook_instance", sa.Text, nullable=False),
    sa.Column("shown_at", Utc, nullable=False),
    sa.Column("occasion", sa.String(64), nullable=False),  # keyed hash of patient, advisory and band
    sa.Column("fingerprint", sa.String(64), nullable=False),  # the same with the inputs
    sa.Index("card_shown_occasion", "occasion", "shown_at"),
)
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("card", sa.String(36), primary_key=True),
    sa.Column("entry", sa.String(64), primary_key=True),  # hash of what was said: the same said twice is one row
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("outcome_at", Utc, nullable=False),
    sa.Column("received_at", Utc, nullable=False),
    sa.Column("suggestions", sa.JSON, nullable=False),
    sa.Column("reason_system", sa.Text),
    sa.Column("reason_code", sa.Text),
    sa.Column("commented", sa.Boolean, nullable=False),
    # Of the card, where it is one of ours.
    sa.Column("advisory", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("indicator", sa.Text),
    sa.Column("hook_instance", sa.Text),
    sa.Column("fingerprint", sa.String(64)),
    sa.Index("feedback_fingerprint", "fingerprint"),
)
spent_token = sa.Table(  # who may call with one: docs/security.md
    "spent_token",
    metadata,
    sa.Column("token", sa.String(64), primary_key=True),  # hash of its issuer and id
    sa.Column("until", Utc, nullable=False),  # it is refused by its age from then on
    sa.Index("spent_token_until", "until"),
)

# Statements of every call are made once: making one takes longer than SQLite does to answer it.
OF_OVERRIDES = (
    sa.select(
        *(feedback.c[name] for name in ("card", "fingerprint", "indicator", "outcome", "outcome_at", "received_at"))
    )
    .where(feedback.c.fingerprint.in_(sa.bindparam("fingerprints", expanding=True)))
    .where(feedback.c.received_at >= sa.bindparam("since", type_=Utc))
    .order_by(feedback.c.outcome_at, feedback.c.received_at)
)
LAST_SHOWN = (
    sa.select(card_shown.c.occasion, card_shown.c.fingerprint, sa.func.max(card_shown.c.shown_at, type_=Utc))
    .where(card_shown.c.occasion.in_(sa.bindparam("occasions", expanding=True)))
    .where(card_shown.c.hook_instance != sa.bindparam("before"))
    .group_by(card_shown.c.occasion, card_shown.c.fingerprint)
)


def _unless_there(table: sa.Table) -> dict[str, sa.Insert]:
    """For each database an insert that leaves a row as it is when there is one with its key."""
    return {
        "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
    }


ADD_SHOWN, ADD_FEEDBACK = _unless_there(card_shown), _unless_there(feedback)
SPEND = {name: insert.returning(spent_token.c.token) for name, insert in _unless_there(spent_token).items()}

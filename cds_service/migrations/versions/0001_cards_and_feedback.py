"""The cards that were shown, and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "card_shown",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("advisory", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("band", sa.Text, nullable=False),
        sa.Column("indicator", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("hook_instance", sa.Text, nullable=False),
        sa.Column("shown_at", MOMENT, nullable=False),
        sa.Column("occasion", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_index("card_shown_occasion", "card_shown", ["occasion", "shown_at"])
    op.create_table(
        "feedback",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("entry", sa.String(64), primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("outcome_at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("suggestions", sa.JSON, nullable=False),
        sa.Column("reason_system", sa.Text),
        sa.Column("reason_code", sa.Text),
        sa.Column("commented", sa.Boolean, nullable=False),
        sa.Column("advisory", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("indicator", sa.Text),
        sa.Column("hook_instance", sa.Text),
        sa.Column("fingerprint", sa.String(64)),
    )
    op.create_index("feedback_fingerprint", "feedback", ["fingerprint"])


def downgrade() -> None:
    op.drop_table("feedback")
    op.drop_table("card_shown")

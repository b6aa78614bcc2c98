"""The tokens that callers have used, so that nobody uses one again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent_token",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("spent_token_until", "spent_token", ["until"])


def downgrade() -> None:
    op.drop_table("spent_token")

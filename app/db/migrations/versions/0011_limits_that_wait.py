"""limits that allow more wait for the trader's next day

Revision: 0011, after 0010, 2026-11-28 07:50:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

TABLE = 'risk_profiles'


def upgrade() -> None:
    op.add_column(TABLE, sa.Column('pending', sa.JSON(), nullable=True))
    op.add_column(TABLE, sa.Column('pending_from', types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column(TABLE, 'pending_from')
    op.drop_column(TABLE, 'pending')

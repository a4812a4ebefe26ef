"""what the keys of exchange accounts may do

Revision: 0010, after 0009, 2026-11-28 04:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

TABLE = 'exchange_accounts'


def upgrade() -> None:
    op.add_column(TABLE, sa.Column('key_permissions', sa.JSON(), nullable=True))
    op.add_column(TABLE, sa.Column('permissions_checked_at', types.UtcDateTime(), nullable=True))
    op.add_column(TABLE, sa.Column('withdrawals_accepted_at', types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column(TABLE, 'withdrawals_accepted_at')
    op.drop_column(TABLE, 'permissions_checked_at')
    op.drop_column(TABLE, 'key_permissions')

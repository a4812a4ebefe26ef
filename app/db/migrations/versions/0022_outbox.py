"""the outbox: which rows have changed, for the live stream

Revision: 0022, after 0021, 2026-11-28 18:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('outbox',
    sa.Column(
        'id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'),
        autoincrement=True, nullable=False,
    ),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('noted_at', types.UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox')),
    sqlite_autoincrement=True
    )


def downgrade() -> None:
    op.drop_table('outbox')

"""series that are kept up to date

Revision: 0017, after 0016, 2026-11-28 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

MARKET_TYPE = sa.Enum(
    'spot', 'linear', 'inverse', name='markettype', native_enum=False, length=32
)
TIMEFRAME = sa.Enum(
    '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1mo',
    name='timeframe', native_enum=False, length=32,
)


def upgrade() -> None:
    op.create_table('captures',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('exchange', sa.String(length=32), nullable=False),
    sa.Column('market_type', MARKET_TYPE, nullable=False),
    sa.Column('symbol', sa.String(length=64), nullable=False),
    sa.Column('timeframe', TIMEFRAME, nullable=False),
    sa.Column('since', types.UtcDateTime(), nullable=False),
    sa.Column('created_at', types.UtcDateTime(), nullable=False),
    sa.Column('kept_to', types.UtcDateTime(), nullable=True),
    sa.Column('failing_since', types.UtcDateTime(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_captures_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_captures')),
    sa.UniqueConstraint(
        'user_id', 'exchange', 'market_type', 'symbol', 'timeframe',
        name=op.f('uq_captures_user_id_exchange_market_type_symbol_timeframe')
    )
    )


def downgrade() -> None:
    op.drop_table('captures')

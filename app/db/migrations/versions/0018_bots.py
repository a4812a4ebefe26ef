"""bots and how far they have come

Revision: 0018, after 0017, 2026-11-28 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

STATUS = sa.Enum(
    'stopped', 'starting', 'running', 'failed', name='botstatus', native_enum=False, length=32
)
TIMEFRAME = sa.Enum(
    '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1mo',
    name='timeframe', native_enum=False, length=32,
)


def upgrade() -> None:
    op.create_table('bots',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('strategy_id', sa.Uuid(), nullable=False),
    sa.Column('algorithm', sa.String(length=120), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('timeframe', TIMEFRAME, nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('status', STATUS, nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('holder', sa.Uuid(), nullable=True),
    sa.Column('held_until', types.UtcDateTime(), nullable=True),
    sa.Column('started_at', types.UtcDateTime(), nullable=True),
    sa.Column('created_at', types.UtcDateTime(), nullable=False),
    sa.Column('updated_at', types.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['strategy_id'], ['strategies.id'], name=op.f('fk_bots_strategy_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_bots_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bots'))
    )
    op.create_index('ix_bots_user_id_id', 'bots', ['user_id', 'id'], unique=False)
    op.create_index('ix_bots_strategy_id', 'bots', ['strategy_id'], unique=False)
    op.create_index('ix_bots_status_id', 'bots', ['status', 'id'], unique=False)
    op.create_table('bot_markets',
    sa.Column('bot_id', sa.Uuid(), nullable=False),
    sa.Column('symbol', sa.String(length=80), nullable=False),
    sa.Column('last_closed_at', types.UtcDateTime(), nullable=True),
    sa.Column('owed', sa.JSON(), nullable=True),
    sa.Column('waits_for', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['bot_id'], ['bots.id'], name=op.f('fk_bot_markets_bot_id')),
    sa.PrimaryKeyConstraint('bot_id', 'symbol', name=op.f('pk_bot_markets'))
    )


def downgrade() -> None:
    op.drop_table('bot_markets')
    op.drop_table('bots')

"""backtests, what they leave behind, and the runs of sweeps

Revision: 0019, after 0018, 2026-11-28 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

MARKET_TYPE = sa.Enum(
    'spot', 'linear', 'inverse', name='markettype', native_enum=False, length=32
)
TIMEFRAME = sa.Enum(
    '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1mo',
    name='timeframe', native_enum=False, length=32,
)
STRAND = sa.Enum(
    'trades', 'fills', 'equity', 'refusals', name='strand', native_enum=False, length=32
)


def upgrade() -> None:
    op.create_table('backtests',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('strategy_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('algorithm', sa.String(length=120), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('is_sweep', sa.Boolean(), nullable=False),
    sa.Column('grid', sa.JSON(), nullable=True),
    sa.Column('exchange', sa.String(length=32), nullable=False),
    sa.Column('market_type', MARKET_TYPE, nullable=False),
    sa.Column('symbol', sa.String(length=64), nullable=False),
    sa.Column('timeframe', TIMEFRAME, nullable=False),
    sa.Column('since', types.UtcDateTime(), nullable=False),
    sa.Column('until', types.UtcDateTime(), nullable=False),
    sa.Column('terms', sa.JSON(), nullable=False),
    sa.Column('circumstances', sa.JSON(), nullable=False),
    sa.Column('result', sa.JSON(), nullable=True),
    sa.Column('created_at', types.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_backtests_user_id')),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_backtests_job_id')),
    sa.ForeignKeyConstraint(
        ['strategy_id'], ['strategies.id'], name=op.f('fk_backtests_strategy_id'),
        ondelete='SET NULL'
    ),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_backtests')),
    sa.UniqueConstraint('job_id', name=op.f('uq_backtests_job_id'))
    )
    op.create_index('ix_backtests_user_id_id', 'backtests', ['user_id', 'id'], unique=False)
    op.create_index(op.f('ix_backtests_strategy_id'), 'backtests', ['strategy_id'], unique=False)
    op.create_table('backtest_parts',
    sa.Column('backtest_id', sa.Uuid(), nullable=False),
    sa.Column('strand', STRAND, nullable=False),
    sa.Column('first', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('first_at', types.UtcDateTime(), nullable=False),
    sa.Column('last_at', types.UtcDateTime(), nullable=False),
    sa.Column('body', sa.LargeBinary(length=16777215), nullable=False),
    sa.ForeignKeyConstraint(
        ['backtest_id'], ['backtests.id'], name=op.f('fk_backtest_parts_backtest_id')
    ),
    sa.PrimaryKeyConstraint('backtest_id', 'strand', 'first', name=op.f('pk_backtest_parts'))
    )
    op.create_table('backtest_sweep_rows',
    sa.Column('backtest_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('figures', sa.JSON(), nullable=True),
    sa.Column('refusal', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(
        ['backtest_id'], ['backtests.id'], name=op.f('fk_backtest_sweep_rows_backtest_id')
    ),
    sa.PrimaryKeyConstraint('backtest_id', 'number', name=op.f('pk_backtest_sweep_rows'))
    )


def downgrade() -> None:
    op.drop_table('backtest_sweep_rows')
    op.drop_table('backtest_parts')
    op.drop_table('backtests')

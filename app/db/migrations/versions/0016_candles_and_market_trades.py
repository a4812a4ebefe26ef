"""candles and the trades of markets

Revision: 0016, after 0015, 2026-11-28 11:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

MARKET_TYPE = sa.Enum(
    'spot', 'linear', 'inverse', name='markettype', native_enum=False, length=32
)
PRICE_KIND = sa.Enum('last', 'mark', name='pricekind', native_enum=False, length=32)
TIMEFRAME = sa.Enum(
    '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d', '1w', '1mo',
    name='timeframe', native_enum=False, length=32,
)
SIDE = sa.Enum('buy', 'sell', name='side', native_enum=False, length=32)


def upgrade() -> None:
    op.create_table('candles',
    sa.Column('exchange', sa.String(length=32), nullable=False),
    sa.Column('market_type', MARKET_TYPE, nullable=False),
    sa.Column('symbol', sa.String(length=64), nullable=False),
    sa.Column('price', PRICE_KIND, nullable=False),
    sa.Column('timeframe', TIMEFRAME, nullable=False),
    sa.Column('open_time', types.UtcDateTime(), nullable=False),
    sa.Column('open', types.Money(), nullable=False),
    sa.Column('high', types.Money(), nullable=False),
    sa.Column('low', types.Money(), nullable=False),
    sa.Column('close', types.Money(), nullable=False),
    sa.Column('volume', types.Money(), nullable=False),
    sa.Column('quote_volume', types.Money(), nullable=True),
    sa.Column('trades', sa.BigInteger(), nullable=True),
    sa.Column('taker_buy_volume', types.Money(), nullable=True),
    sa.Column('taker_buy_quote_volume', types.Money(), nullable=True),
    sa.PrimaryKeyConstraint(
        'exchange', 'market_type', 'symbol', 'price', 'timeframe', 'open_time',
        name=op.f('pk_candles')
    ),
    sqlite_with_rowid=False
    )
    op.create_table('market_trades',
    sa.Column('exchange', sa.String(length=32), nullable=False),
    sa.Column('market_type', MARKET_TYPE, nullable=False),
    sa.Column('symbol', sa.String(length=64), nullable=False),
    sa.Column('exchange_trade_id', sa.String(length=64), nullable=False),
    sa.Column('executed_at', types.UtcDateTime(), nullable=False),
    sa.Column('side', SIDE, nullable=False),
    sa.Column('price', types.Money(), nullable=False),
    sa.Column('quantity', types.Money(), nullable=False),
    sa.PrimaryKeyConstraint(
        'exchange', 'market_type', 'symbol', 'exchange_trade_id',
        name=op.f('pk_market_trades')
    )
    )
    op.create_index(
        'ix_market_trades_symbol_executed_at',
        'market_trades',
        ['exchange', 'market_type', 'symbol', 'executed_at'],
    )


def downgrade() -> None:
    op.drop_table('market_trades')
    op.drop_table('candles')

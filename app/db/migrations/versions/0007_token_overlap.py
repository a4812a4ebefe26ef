"""the token before the last rotation, and which token an alert came with

Revision: 0007, after 0006, 2026-11-28 03:10:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('strategies', sa.Column('previous_token_digest', sa.String(length=64)))
    op.add_column('strategies', sa.Column('previous_token_hint', sa.String(length=8)))
    op.add_column('strategies', sa.Column('previous_token_until', types.UtcDateTime()))
    op.create_index(
        op.f('ix_strategies_previous_token_digest'),
        'strategies',
        ['previous_token_digest'],
        unique=True,
    )
    op.add_column('alarms', sa.Column('token_hint', sa.String(length=8)))


def downgrade() -> None:
    op.drop_column('alarms', 'token_hint')
    op.drop_index(op.f('ix_strategies_previous_token_digest'), table_name='strategies')
    op.drop_column('strategies', 'previous_token_until')
    op.drop_column('strategies', 'previous_token_hint')
    op.drop_column('strategies', 'previous_token_digest')

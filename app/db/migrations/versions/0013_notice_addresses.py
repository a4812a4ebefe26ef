"""where notices are sent, and how far each of them is

Revision: 0013, after 0012, 2026-11-28 08:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

DELIVERY = sa.Enum(
    'waiting', 'delivered', 'given_up', name='delivery', native_enum=False, length=32
)


def upgrade() -> None:
    op.create_table('notice_addresses',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.Column('set_at', types.UtcDateTime(), nullable=False),
    sa.Column('tested_at', types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['id'], ['users.id'], name=op.f('fk_notice_addresses_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice_addresses'))
    )
    op.add_column('notices', sa.Column('delivery', DELIVERY, nullable=True))
    op.add_column(
        'notices', sa.Column('tries', sa.Integer(), server_default='0', nullable=False)
    )
    op.add_column('notices', sa.Column('next_try_at', types.UtcDateTime(), nullable=True))
    op.create_index('ix_notices_delivery_next_try_at', 'notices', ['delivery', 'next_try_at'])


def downgrade() -> None:
    op.drop_index('ix_notices_delivery_next_try_at', table_name='notices')
    op.drop_column('notices', 'next_try_at')
    op.drop_column('notices', 'tries')
    op.drop_column('notices', 'delivery')
    op.drop_table('notice_addresses')

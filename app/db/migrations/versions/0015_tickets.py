"""tickets for streams: each opens one, once

Revision: 0015, after 0014, 2026-11-28 10:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('tickets',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('login_id', sa.Uuid(), nullable=False),
    sa.Column('epoch', sa.Integer(), nullable=False),
    sa.Column('access_until', types.UtcDateTime(), nullable=False),
    sa.Column('expires_at', types.UtcDateTime(), nullable=False),
    sa.Column('used_at', types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['login_id'], ['logins.id'], name=op.f('fk_tickets_login_id')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_tickets'))
    )
    op.create_index(op.f('ix_tickets_expires_at'), 'tickets', ['expires_at'])
    op.create_index(op.f('ix_tickets_login_id'), 'tickets', ['login_id'])


def downgrade() -> None:
    op.drop_table('tickets')

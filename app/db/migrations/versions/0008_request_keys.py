"""keys of requests, and what was answered to them

Revision: 0008, after 0007, 2026-11-28 03:20:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types
from sqlalchemy.dialects import mysql

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('request_keys',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('claimed_at', types.UtcDateTime(), nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=True),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('body', sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_request_keys_user_id')),
    sa.PrimaryKeyConstraint('user_id', 'digest', name=op.f('pk_request_keys'))
    )
    with op.batch_alter_table('request_keys', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_request_keys_claimed_at'), ['claimed_at'], unique=False)

    op.drop_column('signals', 'decision_key')


def downgrade() -> None:
    op.add_column('signals', sa.Column('decision_key', sa.String(length=120), nullable=True))
    with op.batch_alter_table('request_keys', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_request_keys_claimed_at'))

    op.drop_table('request_keys')

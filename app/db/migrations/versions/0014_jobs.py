"""long work and how far it is

Revision: 0014, after 0013, 2026-11-28 10:40:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

STATUS = sa.Enum(
    'queued', 'running', 'done', 'failed', 'canceled',
    name='jobstatus', native_enum=False, length=32,
)


def upgrade() -> None:
    op.create_table('jobs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('status', STATUS, nullable=False),
    sa.Column('done', sa.BigInteger(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=True),
    sa.Column('unit', sa.String(length=32), nullable=False),
    sa.Column('checkpoint', sa.JSON(), nullable=False),
    sa.Column('result', sa.JSON(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('is_cancel_wanted', sa.Boolean(), nullable=False),
    sa.Column('holder', sa.Uuid(), nullable=True),
    sa.Column('held_until', types.UtcDateTime(), nullable=True),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', types.UtcDateTime(), nullable=False),
    sa.Column('started_at', types.UtcDateTime(), nullable=True),
    sa.Column('ended_at', types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_jobs_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs'))
    )
    op.create_index('ix_jobs_user_id_id', 'jobs', ['user_id', 'id'], unique=False)
    op.create_index('ix_jobs_status_id', 'jobs', ['status', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_jobs_status_id', table_name='jobs')
    op.drop_index('ix_jobs_user_id_id', table_name='jobs')
    op.drop_table('jobs')

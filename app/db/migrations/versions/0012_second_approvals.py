"""a second person's consent to large entries

Revision: 0012, after 0011, 2026-11-28 07:40:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

TABLE = 'risk_profiles'
TWO_PEOPLE = 'confirmed_by_id IS NULL OR confirmed_by_id <> user_id'


def upgrade() -> None:
    op.create_table('second_approvals',
    sa.Column('signal_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('first_by', sa.String(length=80), nullable=False),
    sa.Column('first_at', types.UtcDateTime(), nullable=False),
    sa.Column('asked_at', types.UtcDateTime(), nullable=True),
    sa.Column('entry_price', types.Money(), nullable=True),
    sa.Column('quantity', types.Money(), nullable=True),
    sa.Column('notional', types.Money(), nullable=True),
    sa.Column('stop_loss', types.Money(), nullable=True),
    sa.Column('confirmed_by_id', sa.Uuid(), nullable=True),
    sa.Column('confirmed_at', types.UtcDateTime(), nullable=True),
    sa.CheckConstraint(TWO_PEOPLE, name=op.f('ck_second_approvals_two_people')),
    sa.ForeignKeyConstraint(['confirmed_by_id'], ['users.id'], name=op.f('fk_second_approvals_confirmed_by_id')),
    sa.ForeignKeyConstraint(['signal_id'], ['signals.id'], name=op.f('fk_second_approvals_signal_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_second_approvals_user_id')),
    sa.PrimaryKeyConstraint('signal_id', name=op.f('pk_second_approvals'))
    )
    op.add_column(TABLE, sa.Column('second_approval_above', types.Money(), nullable=True))
    op.add_column(TABLE, sa.Column('second_approver_id', sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column(TABLE, 'second_approver_id')
    op.drop_column(TABLE, 'second_approval_above')
    op.drop_table('second_approvals')

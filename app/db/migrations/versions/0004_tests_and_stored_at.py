"""signals of tests, and when an alarm was on disk

Revision: 0004, after 0003, 2026-11-27 08:30:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

NEVER_SENT = "NOT is_test OR status IN ('pending', 'rejected', 'expired', 'superseded')"


def upgrade() -> None:
    with op.batch_alter_table('alarms', schema=None) as batch_op:
        batch_op.add_column(sa.Column('stored_at', types.UtcDateTime(), nullable=True))

    # SQLite takes a constraint only together with its column, the others only apart from it.
    is_inline = op.get_bind().dialect.name == 'sqlite'
    name = op.f('ck_signals_test_is_never_sent')
    rule = [sa.CheckConstraint(NEVER_SENT, name=name)] if is_inline else []
    is_test = sa.Column('is_test', sa.Boolean(), *rule, server_default=sa.false(), nullable=False)
    op.add_column('signals', is_test)
    if not is_inline:
        op.create_check_constraint(name, 'signals', NEVER_SENT)


def downgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        op.drop_constraint(op.f('ck_signals_test_is_never_sent'), 'signals', type_='check')
    op.drop_column('signals', 'is_test')
    op.drop_column('alarms', 'stored_at')

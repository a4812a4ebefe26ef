"""exits that wait for their price

Revision: 0020, after 0019, 2026-11-28 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('positions', sa.Column('scheduled', types.Scheduled(), nullable=True))


def downgrade() -> None:
    op.drop_column('positions', 'scheduled')

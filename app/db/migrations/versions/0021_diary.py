"""the diary: entries, tags, and what they are about

Revision: 0021, after 0020, 2026-11-28 14:00:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

SUBJECT = sa.Enum(
    'trade', 'position', 'signal', 'strategy', name='subject', native_enum=False, length=32
)


def upgrade() -> None:
    op.create_table('diary_entries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_at', types.UtcDateTime(), nullable=False),
    sa.Column('updated_at', types.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_diary_entries_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_diary_entries'))
    )
    op.create_index('ix_diary_entries_user_id_day_id', 'diary_entries', ['user_id', 'day', 'id'])
    op.create_table('diary_tags',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('tag', sa.String(length=120), nullable=False),
    sa.ForeignKeyConstraint(
        ['entry_id'], ['diary_entries.id'], name=op.f('fk_diary_tags_entry_id')
    ),
    sa.PrimaryKeyConstraint('entry_id', 'place', name=op.f('pk_diary_tags'))
    )
    op.create_table('diary_links',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('kind', SUBJECT, nullable=False),
    sa.Column('subject_id', sa.Uuid(), nullable=False),
    sa.Column('symbol', sa.String(length=80), nullable=True),
    sa.Column('label', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(
        ['entry_id'], ['diary_entries.id'], name=op.f('fk_diary_links_entry_id')
    ),
    sa.PrimaryKeyConstraint('entry_id', 'place', name=op.f('pk_diary_links'))
    )
    op.create_index('ix_diary_links_subject_id', 'diary_links', ['subject_id'])


def downgrade() -> None:
    op.drop_table('diary_links')
    op.drop_table('diary_tags')
    op.drop_table('diary_entries')

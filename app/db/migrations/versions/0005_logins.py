"""logins as rows, wrong guesses counted, API keys bound to addresses

Refresh tokens are made anew: whoever is logged in logs in once more.

Revision: 0005, after 0004, 2026-11-28 03:10:00+00:00
"""

import sqlalchemy as sa
from alembic import op
from app.db import types

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table('refresh_tokens')
    op.add_column('api_keys', sa.Column('allowed_ips', sa.JSON(), nullable=True))
    op.create_table('logins',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('api_key_id', sa.Uuid(), nullable=True),
    sa.Column('opened_at', types.UtcDateTime(), nullable=False),
    sa.Column('proven_at', types.UtcDateTime(), nullable=True),
    sa.Column('ended_at', types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['api_key_id'], ['api_keys.id'], name=op.f('fk_logins_api_key_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_logins_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_logins'))
    )
    op.create_index(op.f('ix_logins_api_key_id'), 'logins', ['api_key_id'])
    op.create_index(op.f('ix_logins_user_id'), 'logins', ['user_id'])
    op.create_table('refresh_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('login_id', sa.Uuid(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('issued_at', types.UtcDateTime(), nullable=False),
    sa.Column('expires_at', types.UtcDateTime(), nullable=False),
    sa.Column('used_at', types.UtcDateTime(), nullable=True),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['login_id'], ['logins.id'], name=op.f('fk_refresh_tokens_login_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refresh_tokens')),
    sa.UniqueConstraint('digest', name=op.f('uq_refresh_tokens_digest'))
    )
    op.create_index(op.f('ix_refresh_tokens_login_id'), 'refresh_tokens', ['login_id'])
    op.create_table('guess_counts',
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('last_at', types.UtcDateTime(), nullable=False),
    sa.Column('next_at', types.UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('subject', name=op.f('pk_guess_counts'))
    )


def downgrade() -> None:
    op.drop_table('guess_counts')
    op.drop_table('refresh_tokens')
    op.drop_table('logins')
    op.drop_column('api_keys', 'allowed_ips')
    op.create_table('refresh_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('family_id', sa.Uuid(), nullable=False),
    sa.Column('api_key_id', sa.Uuid(), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('issued_at', types.UtcDateTime(), nullable=False),
    sa.Column('expires_at', types.UtcDateTime(), nullable=False),
    sa.Column('used_at', types.UtcDateTime(), nullable=True),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.Column('revoked_at', types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['api_key_id'], ['api_keys.id'], name=op.f('fk_refresh_tokens_api_key_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_refresh_tokens_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refresh_tokens')),
    sa.UniqueConstraint('digest', name=op.f('uq_refresh_tokens_digest'))
    )
    with op.batch_alter_table('refresh_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refresh_tokens_api_key_id'), ['api_key_id'], unique=False)
        batch_op.create_index('ix_refresh_tokens_family_id_revoked_at', ['family_id', 'revoked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_refresh_tokens_user_id'), ['user_id'], unique=False)

"""Numbers that an org unit shares, and unclaimed conversations that are apart by unit.

Tables that are there already only gain columns, so SQLite keeps them and their triggers.
"""

import sqlalchemy as sa
from alembic import op

revision = '5b0e8d27c914'
down_revision = 'c71d09b5e4a3'
branch_labels = None
depends_on = None

_HOLDER = 'coalesce(staff_id, -org_unit_id, 0)'


def upgrade() -> None:
    # Without a reference, for which SQLite would make the table anew.
    with op.batch_alter_table('sender_number', schema=None) as batch_op:
        batch_op.add_column(sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.add_column(sa.Column('shared_at', sa.DateTime(timezone=True), nullable=True))

    # What was one for each institution is one for each of its units: no two rows can be in the way.
    op.drop_index('uq_conversation_person', table_name='conversation')
    op.drop_index('uq_conversation_number', table_name='conversation')
    op.create_index('uq_conversation_person', 'conversation', ['institution_id', sa.literal_column(_HOLDER), 'person_id'], unique=True, sqlite_where=sa.text('person_id IS NOT NULL'), postgresql_where=sa.text('person_id IS NOT NULL'))
    op.create_index('uq_conversation_number', 'conversation', ['institution_id', sa.literal_column(_HOLDER), 'contact_number_id'], unique=True, sqlite_where=sa.text('person_id IS NULL'), postgresql_where=sa.text('person_id IS NULL'))

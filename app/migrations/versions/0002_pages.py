"""What the pages need: notes, drafts, standard texts, students of staff, cover, links to choose a
password, texts for later, snoozing, and words to search by.

A later migration that makes `message` or `person` anew on SQLite has to make these triggers again.
"""

import sqlalchemy as sa
from alembic import op

from app.rules.search import folded, tail

revision = 'a2f62204276b'
down_revision = '0e3be2826143'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('advisee',
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['created_by'], ['staff.id'], name=op.f('fk_advisee_created_by_staff')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_advisee_institution_id_institution')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_advisee_person_id_person')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_advisee_staff_id_staff')),
    sa.PrimaryKeyConstraint('staff_id', 'person_id', name=op.f('pk_advisee'))
    )
    with op.batch_alter_table('advisee', schema=None) as batch_op:
        batch_op.create_index('ix_advisee_person', ['person_id'], unique=False)

    op.create_table('cover',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('by_staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('from_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_staff_id'], ['staff.id'], name=op.f('fk_cover_by_staff_id_staff')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_cover_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_cover_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cover'))
    )
    with op.batch_alter_table('cover', schema=None) as batch_op:
        batch_op.create_index('ix_cover_by', ['by_staff_id', 'until_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_cover_staff_id'), ['staff_id'], unique=False)

    op.create_table('password_link',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('purpose', sa.String(length=32), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_password_link_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_password_link_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_password_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_password_link_token_hash'))
    )
    with op.batch_alter_table('password_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_password_link_staff_id'), ['staff_id'], unique=False)

    op.create_table('standard_text',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('title', sa.String(length=80), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_standard_text_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_standard_text_staff_id_staff')),
    sa.ForeignKeyConstraint(['updated_by'], ['staff.id'], name=op.f('fk_standard_text_updated_by_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_standard_text'))
    )
    with op.batch_alter_table('standard_text', schema=None) as batch_op:
        batch_op.create_index('ix_standard_text_owner', ['institution_id', 'staff_id', 'title'], unique=False)

    op.create_table('draft',
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('conversation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_draft_conversation_id_conversation')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_draft_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_draft_staff_id_staff')),
    sa.PrimaryKeyConstraint('staff_id', 'conversation_id', name=op.f('pk_draft'))
    )
    op.create_table('note',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('conversation_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('idempotency_key', sa.String(length=80), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversation.id'], name=op.f('fk_note_conversation_id_conversation')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_note_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_note_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_note')),
    sa.UniqueConstraint('staff_id', 'idempotency_key', name=op.f('uq_note_staff_id_idempotency_key'))
    )
    with op.batch_alter_table('note', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_note_conversation_id'), ['conversation_id'], unique=False)

    with op.batch_alter_table('contact_number', schema=None) as batch_op:
        batch_op.add_column(sa.Column('tail', sa.String(length=40), nullable=False, server_default=''))
        batch_op.create_index('ix_contact_number_tail', ['institution_id', 'tail'], unique=False)

    with op.batch_alter_table('conversation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('snoozed_until', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_conversation_unclaimed', ['institution_id', sa.literal_column('last_message_at DESC')], unique=False, sqlite_where=sa.text('conversation.staff_id IS NULL'), postgresql_where=sa.text('conversation.staff_id IS NULL'))
        batch_op.create_index('ix_conversation_snoozed', ['snoozed_until'], unique=False, sqlite_where=sa.text('conversation.snoozed_until IS NOT NULL'), postgresql_where=sa.text('conversation.snoozed_until IS NOT NULL'))

    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.add_column(sa.Column('words', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('send_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('wish', sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column('asks_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_message_held', ['conversation_id', 'send_at'], unique=False, sqlite_where=sa.text('message.status = 5'), postgresql_where=sa.text('message.status = 5'))
        batch_op.create_index('ix_message_said', ['conversation_id', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_message_sent', ['institution_id', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_message_status', ['institution_id', 'status', 'channel', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_message_month', ['institution_id', 'month', 'created_at'], unique=False, sqlite_where=sa.text('month IS NOT NULL'), postgresql_where=sa.text('month IS NOT NULL'))

    with op.batch_alter_table('email', schema=None) as batch_op:
        batch_op.create_index('ix_email_log', ['institution_id', 'created_at', 'id'], unique=False)

    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('words', sa.Text(), nullable=False, server_default=''))

    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entry_at', ['institution_id', 'at', 'id'], unique=False)
        batch_op.create_index('ix_audit_entry_action', ['institution_id', 'action', 'id'], unique=False)

    with op.batch_alter_table('person_phone', schema=None) as batch_op:
        batch_op.create_index('ix_person_phone_feed', ['institution_id', 'id'], unique=False)

    _keep_words()
    _make_searchable()


def _keep_words() -> None:
    """For the rows that are there already."""
    person, message, number = (
        sa.table(name, *map(sa.column, columns))
        for name, columns in (
            ('person', ('id', 'words', 'given_name', 'family_name', 'source_id')),
            ('message', ('id', 'words', 'body')),
            ('contact_number', ('id', 'tail', 'e164')),
        )
    )
    made = (
        (person, 'words', lambda given, family, source: folded(f"{given} {family} {source or ''}")),
        (message, 'words', folded),
        (number, 'tail', tail),
    )
    for table, kept, rule in made:
        read = [c for c in table.c if c.name not in ('id', kept)]
        change = table.update().where(table.c.id == sa.bindparam('row')).values({kept: sa.bindparam('made')})
        last = 0
        while rows := op.get_bind().execute(sa.select(table.c.id, *read).where(table.c.id > last).order_by(table.c.id).limit(5000)).all():
            op.get_bind().execute(change, [{'row': id_, 'made': rule(*values)} for id_, *values in rows])
            last = rows[-1][0]


def _make_searchable() -> None:
    postgresql = op.get_bind().dialect.name == 'postgresql'
    if postgresql:  # with its true cost, or a search reads every row in the order of ids
        made = "BEGIN RETURN array_to_tsvector(string_to_array(words, ' ')); END"
        op.execute(f"CREATE FUNCTION lexemes(words text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $${made}$$")
    for table in ('message', 'person'):
        if postgresql:
            op.execute(f"CREATE INDEX ix_{table}_words ON {table} USING gin (lexemes(words))")
            continue
        found = f'{table}_words'
        op.execute(f"CREATE VIRTUAL TABLE {found} USING fts5(words, content='{table}', content_rowid='id', tokenize='unicode61 remove_diacritics 0')")
        op.execute(f"INSERT INTO {found} (rowid, words) SELECT id, words FROM {table}")
        add = f"INSERT INTO {found} (rowid, words) VALUES (new.id, new.words);"
        drop = f"INSERT INTO {found} ({found}, rowid, words) VALUES ('delete', old.id, old.words);"
        op.execute(f"CREATE TRIGGER {found}_insert AFTER INSERT ON {table} BEGIN {add} END")
        op.execute(f"CREATE TRIGGER {found}_delete AFTER DELETE ON {table} BEGIN {drop} END")
        op.execute(f"CREATE TRIGGER {found}_update AFTER UPDATE OF words ON {table} BEGIN {drop} {add} END")

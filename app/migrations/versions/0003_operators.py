"""What those need who answer for a school: imports of people, the figures of days, and webhooks.

Tables that are there already only gain columns, so SQLite keeps them and their triggers.
"""

import sqlalchemy as sa
from alembic import op

revision = 'c71d09b5e4a3'
down_revision = 'a2f62204276b'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('import_run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('state', sa.String(length=32), nullable=False),
    sa.Column('files', sa.JSON(), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('leaving', sa.Integer(), nullable=True),
    sa.Column('of', sa.Integer(), nullable=True),
    sa.Column('problem', sa.Text(), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('claims', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_import_run_institution_id_institution')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_import_run_staff_id_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_run'))
    )
    with op.batch_alter_table('import_run', schema=None) as batch_op:
        batch_op.create_index('ix_import_run_log', ['institution_id', 'id'], unique=False)
        batch_op.create_index('ix_import_run_waiting', ['id'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.create_table('import_part',
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('file', sa.String(length=20), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('data', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_import_part_institution_id_institution')),
    sa.ForeignKeyConstraint(['run_id'], ['import_run.id'], name=op.f('fk_import_part_run_id_import_run')),
    sa.PrimaryKeyConstraint('run_id', 'file', 'number', name=op.f('pk_import_part'))
    )
    op.create_table('import_row',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('outcome', sa.String(length=32), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_import_row_institution_id_institution')),
    sa.ForeignKeyConstraint(['run_id'], ['import_run.id'], name=op.f('fk_import_row_run_id_import_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_row'))
    )
    with op.batch_alter_table('import_row', schema=None) as batch_op:
        batch_op.create_index('ix_import_row_key', ['run_id', 'key'], unique=False)
        batch_op.create_index('ix_import_row_order', ['run_id', 'id'], unique=False)
        batch_op.create_index('ix_import_row_outcome', ['run_id', 'outcome', 'id'], unique=False)

    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index('ix_person_email', ['institution_id', 'email'], unique=False)

    with op.batch_alter_table('person_phone', schema=None) as batch_op:
        batch_op.add_column(sa.Column('imported', sa.Boolean(), nullable=False, server_default=sa.false()))

    op.create_table('daily_fact',
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('measure', sa.String(length=32), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('count', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_daily_fact_institution_id_institution')),
    sa.PrimaryKeyConstraint('institution_id', 'staff_id', 'number_id', 'unit_id', 'measure', 'day', 'key', name=op.f('pk_daily_fact')),
    sqlite_with_rowid=False
    )
    op.create_table('fact_day',
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_fact_day_institution_id_institution')),
    sa.PrimaryKeyConstraint('institution_id', 'day', name=op.f('pk_fact_day')),
    sqlite_with_rowid=False
    )
    op.create_table('limit_alert',
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('level', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_limit_alert_institution_id_institution')),
    sa.PrimaryKeyConstraint('institution_id', 'month', 'level', name=op.f('pk_limit_alert')),
    sqlite_with_rowid=False
    )
    with op.batch_alter_table('institution', schema=None) as batch_op:
        batch_op.add_column(sa.Column('reply_reserve', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('segment_price', sa.Integer(), nullable=True, server_default='7900'))
        batch_op.add_column(sa.Column('alert_month', sa.String(length=7), nullable=True))
        batch_op.add_column(sa.Column('no_number_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('summarized_on', sa.Date(), nullable=True))
        batch_op.add_column(sa.Column('alert_level', sa.Integer(), nullable=False, server_default='0'))

    with op.batch_alter_table('staff', schema=None) as batch_op:
        batch_op.add_column(sa.Column('weekly_summary', sa.Boolean(), nullable=False, server_default=sa.true()))

    with op.batch_alter_table('consent_entry', schema=None) as batch_op:
        batch_op.create_index('ix_consent_entry_at', ['institution_id', 'at'], unique=False)

    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.add_column(sa.Column('holder_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
    op.execute(
        "UPDATE message SET holder_id = (SELECT c.staff_id FROM conversation AS c"
        " WHERE c.id = message.conversation_id) WHERE staff_id IS NULL"
    )

    op.create_table('hook',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('events', sa.JSON(), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('old_secret', sa.Text(), nullable=True),
    sa.Column('old_secret_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('rest_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paused_why', sa.Text(), nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['staff.id'], name=op.f('fk_hook_created_by_staff')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_hook_institution_id_institution')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hook'))
    )
    with op.batch_alter_table('hook', schema=None) as batch_op:
        batch_op.create_index('ix_hook_institution', ['institution_id', 'id'], unique=False)

    op.create_table('hook_delivery',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('hook_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('ids', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=32), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('code', sa.Integer(), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['hook_id'], ['hook.id'], name=op.f('fk_hook_delivery_hook_id_hook')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_hook_delivery_institution_id_institution')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_hook_delivery')),
    sa.UniqueConstraint('hook_id', 'seq', name=op.f('uq_hook_delivery_hook_id_seq'))
    )
    with op.batch_alter_table('hook_delivery', schema=None) as batch_op:
        batch_op.create_index('ix_hook_delivery_log', ['hook_id', 'id'], unique=False)
        batch_op.create_index('ix_hook_delivery_finished', ['finished_at'], unique=False)
        batch_op.create_index('ix_hook_delivery_not_delivered', ['hook_id', 'state'], unique=False, sqlite_where=sa.text("state <> 'delivered'"), postgresql_where=sa.text("state <> 'delivered'"))
        batch_op.create_index('ix_hook_delivery_waiting', ['hook_id', 'id'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.create_table('org_unit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('parent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_org_unit_institution_id_institution')),
    sa.ForeignKeyConstraint(['parent_id'], ['org_unit.id'], name=op.f('fk_org_unit_parent_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_org_unit'))
    )
    with op.batch_alter_table('org_unit', schema=None) as batch_op:
        batch_op.create_index('ix_org_unit_tree', ['institution_id', 'id'], unique=False)
        batch_op.create_index('uq_org_unit_name', ['parent_id', 'name'], unique=True, sqlite_where=sa.text('parent_id IS NOT NULL AND removed_at IS NULL'), postgresql_where=sa.text('parent_id IS NOT NULL AND removed_at IS NULL'))
        batch_op.create_index('uq_org_unit_top', ['institution_id', 'name'], unique=True, sqlite_where=sa.text('parent_id IS NULL AND removed_at IS NULL'), postgresql_where=sa.text('parent_id IS NULL AND removed_at IS NULL'))

    # Without references, for which SQLite would make these tables anew.
    with op.batch_alter_table('staff', schema=None) as batch_op:
        batch_op.add_column(sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))

    with op.batch_alter_table('conversation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index('ix_conversation_unit', ['org_unit_id', sa.literal_column('last_message_at DESC')], unique=False, sqlite_where=sa.text('conversation.org_unit_id IS NOT NULL'), postgresql_where=sa.text('conversation.org_unit_id IS NOT NULL'))

    with op.batch_alter_table('message', schema=None) as batch_op:
        batch_op.add_column(sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index('ix_message_unit', ['org_unit_id', 'created_at', 'id'], unique=False, sqlite_where=sa.text('message.org_unit_id IS NOT NULL'), postgresql_where=sa.text('message.org_unit_id IS NOT NULL'))

    op.create_table('guardianship',
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source_id', sa.String(length=200), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_guardianship_institution_id_institution')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_guardianship_person_id_person')),
    sa.PrimaryKeyConstraint('person_id', 'source_id', name=op.f('pk_guardianship'))
    )
    with op.batch_alter_table('guardianship', schema=None) as batch_op:
        batch_op.create_index('ix_guardianship_of', ['institution_id', 'source_id'], unique=False)

    # Texts that nobody holds: their automatic answer, their reminder, and who stands for a unit.
    with op.batch_alter_table('institution', schema=None) as batch_op:
        batch_op.add_column(sa.Column('unclaimed_answer', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('unclaimed_hours', sa.Integer(), nullable=True, server_default='4'))

    with op.batch_alter_table('org_unit', schema=None) as batch_op:
        batch_op.add_column(sa.Column('representative_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))

    with op.batch_alter_table('conversation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True))
    # What waited before there were reminders is told of by none.
    op.execute("UPDATE conversation SET reminded_at = last_message_at WHERE staff_id IS NULL")

    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('merged_into', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True))
        batch_op.create_index('ix_person_merged', ['merged_into'], unique=False, sqlite_where=sa.text('merged_into IS NOT NULL'), postgresql_where=sa.text('merged_into IS NOT NULL'))

    op.create_table('person_merge',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('institution_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kept_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('other_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('staff_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('moved', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('undone_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_person_merge_institution_id_institution')),
    sa.ForeignKeyConstraint(['kept_id'], ['person.id'], name=op.f('fk_person_merge_kept_id_person')),
    sa.ForeignKeyConstraint(['other_id'], ['person.id'], name=op.f('fk_person_merge_other_id_person')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_person_merge_staff_id_staff')),
    sa.ForeignKeyConstraint(['undone_by'], ['staff.id'], name=op.f('fk_person_merge_undone_by_staff')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person_merge'))
    )
    with op.batch_alter_table('person_merge', schema=None) as batch_op:
        batch_op.create_index('ix_person_merge_kept', ['kept_id', 'id'], unique=False)

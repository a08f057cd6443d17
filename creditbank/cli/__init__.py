"""The command line: what an operator does at the bank's own console."""

import click

from creditbank.cli.backups import backup, restore
from creditbank.cli.benching import bench_group
from creditbank.cli.conforming import conformance
from creditbank.cli.contexts import contexts_group
from creditbank.cli.erasing import erasures_group
from creditbank.cli.importing import import_file
from creditbank.cli.keys import keys_group
from creditbank.cli.ledger import ledger_group
from creditbank.cli.logs import audit_group
from creditbank.cli.people import client_group, learner, propose_likeness, staff_group
from creditbank.cli.regions import region
from creditbank.cli.rules import ruleset
from creditbank.cli.running import demo, grant_rights, migrate_schema, openapi, serve, sweep, verify
from creditbank.cli.spreading import database_group
from creditbank.cli.working import worker


@click.group()
def main() -> None:
    """The open backend of a lifelong-learning credit bank (终身学习学分银行)."""


for command in (
    *(
        audit_group,
        backup,
        bench_group,
        client_group,
        conformance,
        contexts_group,
        database_group,
        demo,
        erasures_group,
        grant_rights,
        import_file,
        keys_group,
    ),
    *(learner, ledger_group, migrate_schema, openapi, propose_likeness, region, restore, ruleset, serve, staff_group),
    *(sweep, verify, worker),
):
    main.add_command(command)

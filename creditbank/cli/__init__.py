"""The command line: what an operator does at the bank's own console."""

from typing import Any

import click

from creditbank.cli.backups import backup, restore
from creditbank.cli.benching import bench_group
from creditbank.cli.config import config_group, tell
from creditbank.cli.conforming import conformance
from creditbank.cli.contexts import contexts_group
from creditbank.cli.erasing import erasures_group
from creditbank.cli.importing import import_file
from creditbank.cli.institutions import institution_group
from creditbank.cli.keys import keys_group
from creditbank.cli.ledger import ledger_group
from creditbank.cli.logs import audit_group
from creditbank.cli.people import client_group, learner, propose_likeness, staff_group
from creditbank.cli.regions import region
from creditbank.cli.rules import ruleset
from creditbank.cli.running import demo, grant_rights, migrate_schema, openapi, serve, sweep, verify
from creditbank.cli.spreading import database_group
from creditbank.cli.working import worker
from creditbank.config import SettingsUnreadable
from creditbank.soundness.values import SettingsDangerous


class _Console(click.Group):
    """Ends any command with what is wrong with the settings instead of a trace."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        try:
            return super().invoke(ctx)
        except SettingsUnreadable as unreadable:
            raise click.ClickException(str(unreadable)) from unreadable
        except SettingsDangerous as dangerous:
            for one in dangerous.concerns:
                tell(one, in_production=True)
            raise click.ClickException("in production nothing starts with these settings") from dangerous


@click.group(cls=_Console)
def main() -> None:
    """The open backend of a lifelong-learning credit bank (终身学习学分银行)."""


for command in (
    *(
        audit_group,
        backup,
        bench_group,
        client_group,
        config_group,
        conformance,
        contexts_group,
        database_group,
        demo,
        erasures_group,
        grant_rights,
        institution_group,
        import_file,
        keys_group,
    ),
    *(learner, ledger_group, migrate_schema, openapi, propose_likeness, region, restore, ruleset, serve, staff_group),
    *(sweep, verify, worker),
):
    main.add_command(command)

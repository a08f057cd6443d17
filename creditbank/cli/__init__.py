"""The command line: what an operator does at the bank's own console.

A command is loaded when it is asked for: all of them take seconds, and a worker would carry the web application along.
"""

from importlib import import_module
from typing import Any

import click

from creditbank.cli.config import tell
from creditbank.config import SettingsUnreadable
from creditbank.soundness.values import SettingsDangerous

COMMANDS = {
    "audit": "logs:audit_group",
    "backup": "backups:backup",
    "bench": "benching:bench_group",
    "client": "people:client_group",
    "config": "config:config_group",
    "conformance": "conforming:conformance",
    "contexts": "contexts:contexts_group",
    "db": "spreading:database_group",
    "demo": "running:demo",
    "erasures": "erasing:erasures_group",
    "grant": "running:grant_rights",
    "import": "importing:import_file",
    "institution": "institutions:institution_group",
    "keys": "keys:keys_group",
    "learner": "people:learner",
    "ledger": "ledger:ledger_group",
    "likeness": "people:propose_likeness",
    "migrate": "running:migrate_schema",
    "openapi": "running:openapi",
    "region": "regions:region",
    "restore": "backups:restore",
    "ruleset": "rules:ruleset",
    "serve": "running:serve",
    "staff": "people:staff_group",
    "sweep": "running:sweep",
    "verify": "running:verify",
    "worker": "working:worker",
}
"""Where each command stands: the module here, and its name there."""


class _Console(click.Group):
    """Loads a command by its name, and ends it with what is wrong with the settings instead of a trace."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's own
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(f"creditbank.cli.{module}"), name)
        return command

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

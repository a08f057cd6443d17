"""The command line: what an operator does at the bank's own console."""

import click

from creditbank.cli.erasing import erasures_group
from creditbank.cli.people import client_group, learner
from creditbank.cli.rules import ruleset
from creditbank.cli.running import demo, grant_rights, migrate_schema, openapi, serve, sweep, verify


@click.group()
def main() -> None:
    """The open backend of a lifelong-learning credit bank (终身学习学分银行)."""


for command in (client_group, demo, erasures_group, grant_rights, learner, migrate_schema):
    main.add_command(command)
for command in (openapi, ruleset, serve, sweep, verify):
    main.add_command(command)

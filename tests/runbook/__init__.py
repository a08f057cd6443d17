"""The runbook's upgrade, with two versions of the bank on one database."""

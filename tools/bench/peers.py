"""What others do on the same PostgreSQL: django-hordak, and double entry in SQL functions as pgledger has it."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg

from tools.bench.raw import pgbench
from tools.bench.scene import LEARNERS, Figures, Scene

HORDAK = ("django-hordak==2.0.0", "psycopg[binary]>=3.2")
WANTED_SINGLY, WANTED_IN_BULK = 2, 40

FUNCTIONS = """
    CREATE TABLE IF NOT EXISTS peer_account (id integer PRIMARY KEY, balance numeric NOT NULL DEFAULT 0,
        version bigint NOT NULL DEFAULT 0, may_be_negative boolean NOT NULL);
    CREATE TABLE IF NOT EXISTS peer_transfer (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        from_account integer NOT NULL REFERENCES peer_account, to_account integer NOT NULL REFERENCES peer_account,
        amount numeric NOT NULL CHECK (amount > 0), created_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS peer_entry (id bigserial PRIMARY KEY,
        account integer NOT NULL REFERENCES peer_account, transfer uuid NOT NULL REFERENCES peer_transfer,
        amount numeric NOT NULL, balance_before numeric NOT NULL, balance_after numeric NOT NULL,
        version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX IF NOT EXISTS peer_entry_account ON peer_entry (account, version);
    CREATE INDEX IF NOT EXISTS peer_entry_transfer ON peer_entry (transfer);

    CREATE OR REPLACE FUNCTION peer_post(origin integer, target integer, moved numeric) RETURNS uuid
    LANGUAGE plpgsql AS $$
    DECLARE
        made uuid;
        side record;
    BEGIN
        PERFORM FROM peer_account WHERE id IN (origin, target) ORDER BY id FOR UPDATE;
        INSERT INTO peer_transfer (from_account, to_account, amount) VALUES (origin, target, moved)
            RETURNING id INTO made;
        FOR side IN SELECT origin AS id, -moved AS amount UNION ALL SELECT target, moved LOOP
            WITH changed AS (
                UPDATE peer_account SET balance = balance + side.amount, version = version + 1
                WHERE id = side.id RETURNING balance, version, may_be_negative
            )
            INSERT INTO peer_entry (account, transfer, amount, balance_before, balance_after, version)
            SELECT side.id, made, side.amount, balance - side.amount, balance, version FROM changed
            WHERE may_be_negative OR balance >= 0;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'account % has not enough', side.id;
            END IF;
        END LOOP;
        RETURN made;
    END $$;
    INSERT INTO peer_account (id, may_be_negative) SELECT number, number = 0 FROM generate_series(0, :last) AS number
        ON CONFLICT DO NOTHING;
"""
"""Accounts with balances and versions, a transfer, and an entry for each side with the balance before and after."""


def round_of(scene: Scene, seconds: float) -> Figures:
    """Measure both once; hordak only where it can be installed."""
    with psycopg.connect(scene.server, autocommit=True) as connection:
        connection.execute(FUNCTIONS.replace(":last", str(LEARNERS)).encode())
    figures = {
        "SQL functions, one issuer": pgbench(scene.server, scene.folder, "SELECT peer_post(0, :number, 3);", seconds)
    }
    python = installed(scene.folder / "hordak")
    if python is None:
        return figures
    command = [str(python), str(Path(__file__).with_name("hordak_peer.py")), scene.server, str(seconds)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return figures | json.loads(told.splitlines()[-1])


def installed(folder: Path) -> Path | None:
    """Return the Python of an environment of its own with django-hordak, made once; None where it can't be had."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *HORDAK]
        if subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603
            return None
        (folder / "ready").touch()
    return python


def lines(figures: Figures) -> list[str]:
    """Return the rows of the table: the bank beside the peers, as far as both were measured."""
    told = []
    pairs = (
        ("posting inside", "hordak singly", f"wanted {WANTED_SINGLY} ×"),
        ("single post inside", "hordak singly", ""),
        ("postings in bulk inside", "hordak in one transaction", f"wanted {WANTED_IN_BULK} ×"),
        ("postings in bulk inside", "hordak by bulk_create", ""),
        ("bulk import inside", "hordak in one transaction", ""),
        ("raw with hash chain", "SQL functions, one issuer", ""),
    )
    for name, peer, wanted in pairs:
        if name in figures and peer in figures:
            ratio = f"{figures[name] / figures[peer]:.1f} × {f'({wanted})' if wanted else ''}".strip()
            told.append(f"| {name} | {figures[name]:,.0f} | {peer} {figures[peer]:,.0f} | {ratio} |")
    return told

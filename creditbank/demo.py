"""The demonstration: real institutions and rules, made-up people, some hundreds of course records that are posted."""

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from rich.console import Console
from rich.table import Table

from creditbank.api.caller import bank as bank_of_app
from creditbank.api.regions import RegionsIn, changes_of
from creditbank.core.institution import Level, Role
from creditbank.core.permission import Actor
from creditbank.demo_consents import share_with_partner
from creditbank.demo_records import INSTITUTIONS, PARTNER, PARTNER_SCOPES, PROGRAMME, Place, records_of
from creditbank.packs import load_pack, pack_names, shipped_regions
from creditbank.services import regions
from creditbank.services.access import client_token, learner_token
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out, looked_up
from creditbank.services.clients import Credentials, administrator, client, create_client
from creditbank.services.institutions import Registration, register

AUTHORITY = "cq-credit-bank"

ISSUER_SCOPES = (
    "credentials:issue",
    "learners:write",
    "outcomes:write",
    "outcomes:read",
    "balance:read",
    "statement:read",
    "conversions:write",
    "webhooks:write",
)

REGISTRAR = ("cqou", "重庆开放大学教务处", (*ISSUER_SCOPES, "rules:write", "conversions:review"))
"""The office of an accepting institution, which publishes programmes, reviews and awards: institution, name, scopes."""

WIDTH = 110
"""Columns of the printed tables, also where the output is no terminal."""

REASONS_SHOWN = 3
"""Rejected rows that are printed; the answer of the API tells them all."""

PLANS_TRIED = 10
"""Learners among whom the one is shown who could get most."""

SENTENCES_SHOWN = 4
"""Sentences of a plan that are printed."""

STAFF = (
    ("rule author", ("rules:write",)),
    ("rule publisher", ("rules:publish",)),
    ("appeal reviewer", ("conversions:review",)),
    ("auditor", ("audit:read",)),
    ("administrator", ("admin",)),
    ("security administrator", ("staff:write",)),
    ("audit administrator", ("audit:log",)),
    ("identity clerk", ("identity:review",)),
    ("identity reviewer", ("identity:review",)),
    ("second identity reviewer", ("identity:review",)),
)
"""Clients of the authority and what each may do."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of one institution's file."""

    place: Place
    path: Path
    answers: list[dict[str, Any]]


def run_demo(app: Flask, folder: Path, base_url: str) -> None:
    """Load the demonstration into the app's bank, post the records through the API, and tell what happened.

    Everything is recognised when it comes again, so that a second run changes nothing.
    """
    with app.app_context():
        bank = bank_of_app()
    carried_out(bank, Errand(administrator(), "region.load"), _load_regions)
    clients = _clients(bank, folder / "demo.json")
    by_name = {item["name"]: item for item in clients}
    author, publisher = by_name["rule author"], by_name["rule publisher"]
    for name in pack_names():
        load_pack(bank, name, _actor(author), _actor(publisher))
    _publish_programme(app, bank, by_name[REGISTRAR[1]])
    posted = [_post(app, bank, place, by_name[place.name], folder) for place in INSTITUTIONS]
    learners = _learners(app, bank, posted)
    share_with_partner(app, bank, by_name["administrator"], learners[0])
    _write(folder / "demo.json", {"base_url": base_url, "clients": clients, "learners": learners})
    console = Console(width=WIDTH)
    _tell(console, posted)
    plans = [(learner, _plan(app, bank, learner)) for learner in learners[:PLANS_TRIED]]
    shown, option = max(plans, key=lambda item: Decimal(item[1]["credits"]))
    _tell_passbook(console, app, bank, shown)
    _tell_plan(console, shown, option)


def _clients(bank: Bank, known: Path) -> list[dict[str, Any]]:
    """Return the demonstration's clients with their secrets, those of an earlier run if they are in this bank."""
    earlier = json.loads(known.read_text("utf-8"))["clients"] if known.exists() else []
    if earlier and all(_is_registered(bank, item["client_id"]) for item in earlier):
        return list(earlier)
    wanted: list[tuple[str, str, tuple[str, ...]]] = [(place.code, place.name, ISSUER_SCOPES) for place in INSTITUTIONS]
    wanted += [(AUTHORITY, name, scopes) for name, scopes in STAFF]
    wanted.append(REGISTRAR)
    wanted.append((PARTNER.code, PARTNER.name, PARTNER_SCOPES))
    _register_institutions(bank)
    made = []
    for code, name, scopes in wanted:
        credentials = _new_client(bank, code, name, scopes)
        made.append(
            {
                "name": name,
                "client_id": credentials.client.id,
                "client_secret": credentials.secret,
                "scopes": sorted(scopes),
                "institution": code,
            }
        )
    return made


def _register_institutions(bank: Bank) -> None:
    """Register the demonstration's institutions, the authority first."""
    authority = Registration(AUTHORITY, "重庆市终身学习学分银行", Level.CITY, frozenset({Role.AUTHORITY}))
    registrations = [authority]
    for place in (*INSTITUTIONS, PARTNER):
        roles = frozenset({Role.PARTNER} if place is PARTNER else {Role.ISSUER, Role.ACCEPTOR})
        registrations.append(
            Registration(place.code, place.name, place.level, roles, parent=place.parent, region_code=place.region_code)
        )
    for registration in registrations:
        action = partial(_register, registration)
        carried_out(bank, Errand(administrator(), "institution.register"), action)


def _register(registration: Registration, work: Work) -> Answer:
    """Register an institution."""
    registered, is_new = register(work, registration)
    code = registered.institution.code
    return Answer({"code": code}, is_new, subject=code)


def _load_regions(work: Work) -> Answer:
    """Load the regions that are shipped."""
    loaded = regions.load(work, *changes_of(RegionsIn().load(shipped_regions())))
    return Answer({"new": len(loaded.new)}, bool(loaded.new), subject="regions")


def _new_client(bank: Bank, code: str, name: str, scopes: tuple[str, ...]) -> Credentials:
    """Register a client and return it with its secret."""
    made: list[Credentials] = []

    def action(work: Work) -> Answer:
        made.append(create_client(work, name, code, scopes))
        return Answer({}, is_new=True, subject=made[-1].client.id)

    carried_out(bank, Errand(administrator(), "client.create"), action)
    return made[-1]


def _is_registered(bank: Bank, client_id: str) -> bool:
    """Tell whether the client is in this bank."""
    return looked_up(bank, administrator(), lambda work: client(work, client_id)) is not None


def _actor(item: dict[str, Any]) -> Actor:
    """Return the actor behind one of the demonstration's clients."""
    return Actor(item["client_id"], frozenset(item["scopes"]))


def _post(app: Flask, bank: Bank, place: Place, item: dict[str, Any], folder: Path) -> Posted:
    """Write an institution's file of records and post it to the API, as the institution would."""
    path = folder / f"demo-{place.code}.ndjson"
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records_of(place)), "utf-8")
    token = client_token(bank, app.config["ISSUER"], item["client_id"], item["scopes"])
    answer = app.test_client().post(
        "/v1/outcomes/batch",
        data=path.read_bytes(),
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)  # noqa: PLR2004 - HTTP's OK
    return Posted(place, path, answer.get_json()["results"])


def _publish_programme(app: Flask, bank: Bank, item: dict[str, Any]) -> None:
    """Publish the demonstration's programme, as its institution would; one that is there already stays."""
    token = client_token(bank, app.config["ISSUER"], item["client_id"], item["scopes"])
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().post("/v1/programmes", json=PROGRAMME, headers=headers)
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)


def _learners(app: Flask, bank: Bank, posted: list[Posted]) -> list[dict[str, Any]]:
    """Return the learners of the accepted records, those with most records first."""
    records = Counter(row["learner_id"] for part in posted for row in part.answers if "learner_id" in row)
    http = app.test_client()
    found = []
    for learner_id, _ in sorted(records.items(), key=lambda item: (-item[1], item[0])):
        account = http.get("/v1/learners/me", headers=_learner_headers(app, bank, learner_id)).get_json()
        found.append({"id": account["id"], "account_no": account["account_no"], "name": account["name"]})
    return found


def _learner_headers(app: Flask, bank: Bank, learner_id: str) -> dict[str, str]:
    """Return the header of a learner's own token."""
    return {"Authorization": f"Bearer {learner_token(bank, app.config['ISSUER'], UUID(learner_id))}"}


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write the file with the secrets of the demonstration for its owner alone."""
    path.touch(mode=0o600, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _tell(console: Console, posted: list[Posted]) -> None:
    """Print what became of the files, and why rows were rejected."""
    table = Table(title="Course records posted")
    for name in ("institution", "file", "rows", "accepted", "replayed", "rejected", "recognised credits"):
        table.add_column(name, justify="left" if name in ("institution", "file") else "right")
    for part in posted:
        counts = Counter(row["status"] for row in part.answers)
        recognised = [row["recognition"]["credits"] for row in part.answers if row.get("recognition")]
        total = sum(int(text.replace(".", "")) for text in recognised)
        table.add_row(
            part.place.name,
            part.path.name,
            *(
                str(number)
                for number in (len(part.answers), counts["accepted"], counts["replayed"], counts["rejected"])
            ),
            f"{total // 100}.{total % 100:02d}",
        )
    console.print(table)
    reasons = [
        f"{part.path.name} line {row['row']} {error['pointer']}: {error['message_zh']}"
        for part in posted
        for row in part.answers
        for error in row.get("errors", [])
    ]
    for reason in reasons[:REASONS_SHOWN]:
        console.print(f"  {reason}", markup=False, highlight=False)
    console.print(f"  … and {len(reasons) - REASONS_SHOWN} more rejected rows, each with its reason.")
    duplicates = sum(bool(row.get("duplicate_of")) for part in posted for row in part.answers)
    console.print(f"  {duplicates} records tell of learning that was on record already; it counts once.")


def _tell_passbook(console: Console, app: Flask, bank: Bank, learner: dict[str, Any]) -> None:
    """Print a learner's passbook, newest line first, with the reason for each line."""
    http = app.test_client()
    headers = _learner_headers(app, bank, learner["id"])
    lines = http.get("/v1/learners/me/statement", headers=headers).get_json()["items"]
    recorded = http.get("/v1/learners/me/outcomes", headers=headers).get_json()["items"]
    titles = {item["id"]: item["content"]["title"] for item in recorded}
    table = Table(title=f"Passbook of {learner['name']}, account {learner['account_no']}")
    for name in ("effective", "kind", "outcome", "amount", "balance", "scheme"):
        table.add_column(name, justify="right" if name in ("amount", "balance") else "left", no_wrap=True)
    for line in lines:
        title = titles[line["outcome_id"]]
        table.add_row(line["effective_on"], line["kind"], title, line["amount"], line["balance_after"], line["scheme"])
    console.print(table)
    decision = http.get(f"/v1/decisions/{lines[0]['decision_id']}", headers=headers).get_json()
    for sentence in decision["sentences"]:
        console.print(f"  {sentence['zh']}\n  {sentence['en']}", markup=False, highlight=False)


def _tell_plan(console: Console, learner: dict[str, Any], option: dict[str, Any]) -> None:
    """Print what a learner could get with what they have."""
    console.print(f"\nWhat {learner['name']} could get with it: {option['credits']} of {option['total']} credits")
    for sentence in option["sentences"][:SENTENCES_SHOWN]:
        console.print(f"  {sentence['zh']}\n  {sentence['en']}", markup=False, highlight=False)
    console.print(f"  … and {len(option['sentences']) - SENTENCES_SHOWN} more sentences on what counts and why not.")


def _plan(app: Flask, bank: Bank, learner: dict[str, Any]) -> dict[str, Any]:
    """Return what a learner could get toward the demonstration's programme."""
    headers = _learner_headers(app, bank, learner["id"])
    target = {"institution": REGISTRAR[0], "programme": PROGRAMME["code"]}
    answer = app.test_client().post("/v1/learners/me/plan", json={"targets": [target]}, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)  # noqa: PLR2004 - HTTP's OK
    option: dict[str, Any] = answer.get_json()["options"][0]
    return option

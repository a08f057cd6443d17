"""The schema of rule sets is served to everybody, as it is in print."""

import json
from pathlib import Path

from tests.builders import new_house

IN_PRINT = Path(__file__).resolve().parents[2] / "api_docs" / "ruleset.schema.json"


def test_the_schema_is_served_without_a_token_and_may_be_kept(tmp_path: Path) -> None:
    house = new_house(f"sqlite:///{tmp_path / 'bank.sqlite3'}", tmp_path, packs=False)
    answer = house.http.get("/ruleset.schema.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/schema+json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert json.loads(answer.get_data()) == json.loads(IN_PRINT.read_text("utf-8"))
    house.bank.database.close()

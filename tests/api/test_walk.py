"""A course record becomes credits: the whole way, over HTTP."""

from tests.builders import House


def test_a_course_record_becomes_credits_on_the_learners_account(house: House) -> None:
    learner = house.open_learner()
    recorded = house.post_outcome(learner["id"])
    assert recorded["recognition"]["credits"] == "3.00"
    balance = house.balance(learner["id"])[recorded["recognition"]["scheme"]]
    assert balance["available"] == "3.00"
    page = house.http.get(f"/v1/learners/{learner['id']}/statement", headers=house.auth()).get_json()
    assert [(line["kind"], line["amount"], line["balance_after"]) for line in page["items"]] == [
        ("recognise", "3.00", "3.00")
    ]
    decision = house.http.get(f"/v1/decisions/{recorded['decision_id']}", headers=house.auth()).get_json()
    assert decision["result"]["credits"] == "3.00"
    assert any("48" in sentence["zh"] for sentence in decision["sentences"])
    replayed = house.http.post(f"/v1/decisions/{recorded['decision_id']}/replay", headers=house.auth()).get_json()
    assert replayed["same"] is True

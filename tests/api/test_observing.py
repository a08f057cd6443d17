"""What is told of a request in log, figures and answers: nothing that a caller can make up."""

import pytest

from tests.builders import House, resident_id

MADE_UP = (resident_id(7), "E12345678", "a" * 65, "kid-12345", "a b", "", "张三")


@pytest.mark.parametrize(
    "given", ["0af7651916cd43dd8448eb211c80319c", "0190b5c2-7a3c-7a6e-9d2b-3f6f5f3f9a10", "Req.2026-x_7"]
)
def test_a_request_id_of_the_usual_forms_is_kept(house: House, given: str) -> None:
    answer = house.http.get("/v1/nothing", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"], answer.get_json()["request_id"]) == (given, given)


def test_any_other_request_id_is_replaced(house: House) -> None:
    for given in MADE_UP:
        answer = house.http.get("/v1/nothing", headers={"X-Request-Id": given})
        told = answer.get_json()["request_id"]
        assert (len(told), answer.headers["X-Request-Id"]) == (32, told)
        assert told != given


def test_a_method_that_nobody_knows_is_counted_and_logged_without_its_name(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = house.http.open("/v1/learners", method="E12345678", headers=house.auth())
    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)
    figures = house.http.get("/metrics").get_data(as_text=True)
    assert 'method="other"' in figures
    assert "E12345678" not in figures + capsys.readouterr().out + answer.get_data(as_text=True)

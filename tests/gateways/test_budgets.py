"""Budgets: counted exactly, shared out where the store is down, and never a reason to fail."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from creditbank.gateways.budgets import DOWN_SECONDS, Budget, Budgets, StoreUnusable
from creditbank.gateways.metrics import registry


@pytest.fixture
def broken_store() -> Iterator[tuple[str, list[float]]]:
    """Give the address of a store that ends every connection, and the list of them."""
    met: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def end_each() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    met.append(time.monotonic())
                    connection.close()

        thread = threading.Thread(target=end_each)
        thread.start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0", met
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def failures() -> float:
    return registry.get_sample_value("creditbank_limits_store_failures_total") or 0


def test_a_budget_is_given_to_the_last_unit_and_no_further() -> None:
    counted = Budgets()
    spent = [counted.spend(Budget("a", 3, 60), "x") for _ in range(4)]
    assert [(one.is_within, one.units_left) for one in spent] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert 0 < spent[3].retry_seconds <= 60
    assert counted.spend(Budget("a", 3, 60), "y").is_within
    assert counted.spend(Budget("b", 3, 60), "x").is_within


def test_a_budget_is_whole_again_after_its_time() -> None:
    counted, budget = Budgets(), Budget("a", 1, 1)
    assert counted.spend(budget, "x").is_within
    assert not counted.spend(budget, "x").is_within
    time.sleep(1.1)
    assert counted.spend(budget, "x").is_within


def test_to_look_uses_nothing() -> None:
    counted, budget = Budgets(), Budget("a", 1, 60)
    assert [counted.spend(budget, "x", 0).is_within for _ in range(3)] == [True] * 3
    counted.spend(budget, "x")
    assert not counted.spend(budget, "x", 0).is_within


@pytest.mark.parametrize(("units", "processes", "share"), [(12, 3, 4), (2, 3, 1), (12, 1, 12)])
def test_who_counts_alone_gives_a_share(units: int, processes: int, share: int) -> None:
    counted = Budgets(processes=processes)
    assert sum(counted.spend(Budget("a", units, 60), "x").is_within for _ in range(20)) == share


def test_without_the_store_there_is_a_share_and_the_store_is_asked_seldom(
    broken_store: tuple[str, list[float]],
) -> None:
    address, met = broken_store
    clock = [0.0]
    before = failures()
    counted, budget = Budgets(address, 2, lambda: clock[0]), Budget("a", 6, 60)
    assert sum(counted.spend(budget, "x").is_within for _ in range(20)) == 3
    assert failures() == before + 1
    at_once = len(met)
    assert 1 <= at_once <= 2, "one request asked, and once more where its connection broke"
    clock[0] = DOWN_SECONDS + 0.1
    counted.spend(budget, "x")
    counted.spend(budget, "x")
    assert len(met) == 2 * at_once
    assert failures() == before + 2


@pytest.mark.parametrize("address", ["", "redis://", "http://127.0.0.1", "redis:/x", "redis://h:port/0"])
def test_what_is_no_store_is_refused(address: str) -> None:
    with pytest.raises(StoreUnusable, match="CREDITBANK_LIMITS_STORE"):
        Budgets(address)

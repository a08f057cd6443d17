"""Where keys come from: a file that may change while the bank runs, or the environment, which may not."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from creditbank.config import Settings, settings_from_environment
from creditbank.gateways import keyring_source
from creditbank.gateways.keyring import KeyringUnusable, Kind
from creditbank.gateways.keyring_source import GivenKeyring, KeyringFile, create_keyring, open_keyring
from creditbank.gateways.suites import AES_256_GCM, SM4_GCM, Suite
from creditbank.opening import create_bank, keys_of

AT = datetime(2026, 7, 1, tzinfo=UTC)
NAME = "learner.name:1"


@pytest.fixture(name="path")
def made_file(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.json"
    create_keyring(path)
    return path


@pytest.fixture(name="keys")
def opened_file(path: Path) -> KeyringFile:
    return KeyringFile(path)


def test_the_keys_stay_the_same_object_while_the_file_stands(keys: KeyringFile) -> None:
    assert keys.current() is keys.current()


def test_a_rotation_by_another_process_shows_at_the_next_look(path: Path, keys: KeyringFile) -> None:
    before = keys.current()
    for kind in Kind:
        added = KeyringFile(path).add(kind, None, AT)
        now = keys.current()
        assert list(now.added_at(kind)) == [*before.added_at(kind), added]
        assert now.added_at(kind)[added] == AT
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_rotations_at_once_lose_no_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: KeyringFile(path).add(Kind.SIGNING, None, AT), range(8)))
    assert len(open_keyring(path).signing_keys) == 9
    assert set(open_keyring(path).public_keys) >= set(added)


def test_readers_never_see_half_a_file(path: Path, keys: KeyringFile) -> None:
    stop, seen = Event(), []

    def read() -> None:
        while not stop.is_set():
            seen.append(len(KeyringFile(path).current().index_keys) + len(keys.current().index_keys))

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(6):
            newest = keys.add(Kind.INDEX, None, AT)
            keys.drop(Kind.INDEX, set(keys.current().added_at(Kind.INDEX)) - {newest})
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert set(seen) <= {2, 3, 4}


def test_the_newest_key_stays_whatever_is_dropped(path: Path, keys: KeyringFile) -> None:
    newest = keys.add(Kind.MASTER, None, AT)
    keys.drop(Kind.MASTER, list(keys.current().added_at(Kind.MASTER)))
    assert list(keys.current().added_at(Kind.MASTER)) == [newest]
    keys.drop(Kind.MASTER, ["unknown"])
    assert list(open_keyring(path).added_at(Kind.MASTER)) == [newest]


@pytest.mark.parametrize("harm", ["chmod", "empty", "gone"])
def test_a_file_that_becomes_unusable_is_told_once_and_the_last_good_keys_serve(
    path: Path, keys: KeyringFile, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, content = keys.current(), path.read_bytes()
    logged: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        keyring_source, "log", SimpleNamespace(error=lambda *event, **facts: logged.append((*event, facts)))
    )
    {"chmod": lambda: path.chmod(0o644), "empty": lambda: path.write_bytes(b""), "gone": path.unlink}[harm]()
    assert keys.current() is before
    assert keys.current() is before
    assert [event for event, _ in logged] == ["keyring_unusable"]
    assert str(path) in logged[0][1]["reason"]
    with pytest.raises(KeyringUnusable):
        keys.add(Kind.MASTER, None, AT)
    path.write_bytes(content)
    path.chmod(0o600)
    assert keys.current().index_keys == before.index_keys
    assert keys.current() is not before


def test_a_file_that_can_not_be_rewritten_keeps_its_keys(
    path: Path, keys: KeyringFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(KeyringUnusable, match="No space"):
        keys.add(Kind.MASTER, None, AT)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("suite", [AES_256_GCM, SM4_GCM], ids=lambda suite: suite.name)
def test_keys_are_made_for_the_suite_of_the_deployment(tmp_path: Path, suite: Suite) -> None:
    keys = keys_of(Settings(keyring=tmp_path / "keyring.json", cipher_suite=suite.name))
    keys.add(Kind.MASTER, None, AT)
    keys.add(Kind.INDEX, None, AT)
    ring = keys.current()
    assert set(ring.suites(Kind.MASTER).values()) == set(ring.suites(Kind.INDEX).values()) == {suite.name}
    wrapped = ring.new_person_key()
    cipher = ring.person_cipher(wrapped)
    sealed, kept = cipher.seal("王小明", NAME), ring.seal_bank("answer", NAME)
    assert {wrapped[:1], sealed[:1], kept[:1]} == {suite.byte}
    assert (cipher.opened(sealed, NAME), ring.opened_bank(kept, NAME)) == ("王小明", "answer")
    assert len(ring.blind_index("a", "b")) == 32


def test_both_suites_stand_side_by_side(path: Path, keys: KeyringFile) -> None:
    old = keys.current()
    wrapped = old.new_person_key()
    sealed = old.person_cipher(wrapped).seal("王小明", NAME)
    keys.add(Kind.MASTER, SM4_GCM, AT)
    keys.add(Kind.INDEX, SM4_GCM, AT)
    new = open_keyring(path)
    assert new.person_cipher(wrapped).opened(sealed, NAME) == "王小明"
    again = new.rewrapped(wrapped)
    assert (wrapped[:1], again[:1]) == (AES_256_GCM.byte, SM4_GCM.byte)
    assert new.person_cipher(again).opened(sealed, NAME) == "王小明"
    assert new.person_cipher(new.new_person_key()).seal("x", NAME)[:1] == SM4_GCM.byte
    values = new.blind_indexes("a", "b")
    assert [one.key_id for one in values] == [key.id for key in reversed(new.index_keys)]
    assert values[1].value == old.blind_index("a", "b") != values[0].value


def test_a_ring_from_before_keys_had_ids_and_suites_gives_what_it_gave(path: Path, tmp_path: Path) -> None:
    content = json.loads(path.read_bytes())
    bare = {
        "version": 1,
        "created_at": content["created_at"],
        "master_keys": [{name: key[name] for name in ("id", "secret")} for key in content["master_keys"]],
        "index_keys": [{"secret": key["secret"]} for key in content["index_keys"]],
        "signing_keys": [{"private_key_pem": key["private_key_pem"]} for key in content["signing_keys"]],
    }
    older = tmp_path / "older.json"
    older.write_text(json.dumps(bare))
    older.chmod(0o600)
    ring, same = open_keyring(path), open_keyring(older)
    assert same.blind_index("a", "b") == ring.blind_index("a", "b")
    assert same.opened_bank(ring.seal_bank("answer", NAME), NAME) == "answer"
    assert same.index_key.id == open_keyring(older).index_key.id
    assert len(same.index_key.id) == 16
    assert same.added_at(Kind.INDEX)[same.index_key.id] == same.created_at
    added = KeyringFile(older).add(Kind.INDEX, None, AT)
    assert list(open_keyring(older).added_at(Kind.INDEX)) == [same.index_key.id, added]


def test_the_environment_holds_the_keys_instead_of_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITBANK_KEYRING_JSON", path.read_text())
    settings = settings_from_environment()
    assert path.read_text()[:20] not in repr(settings)
    assert '"secret"' not in repr(settings)
    bank = create_bank(settings)
    assert bank.keyring.index_keys == open_keyring(path).index_keys
    for attempt in (lambda: bank.keys.add(Kind.MASTER, None, AT), lambda: bank.keys.drop(Kind.MASTER, [])):
        with pytest.raises(KeyringUnusable, match="CREDITBANK_KEYRING naming that file"):
            attempt()


def test_two_sources_or_none_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyringUnusable, match="both"):
        keys_of(Settings(keyring=path, keyring_json=path.read_text()))
    monkeypatch.setenv("CREDITBANK_KEYRING", "")
    with pytest.raises(KeyringUnusable, match="there is no keyring"):
        keys_of(settings_from_environment())
    with pytest.raises(KeyringUnusable, match="sm4-gcm"):
        keys_of(Settings(keyring=path, cipher_suite="rot13"))


def test_a_malformed_environment_is_refused_without_showing_it(path: Path) -> None:
    body = path.read_text().replace('"version": 1', '"version": 9')
    with pytest.raises(KeyringUnusable) as refused:
        GivenKeyring(body, "CREDITBANK_KEYRING_JSON")
    assert json.loads(path.read_text())["master_keys"][0]["secret"] not in str(refused.value)

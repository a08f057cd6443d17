"""The keyring seals each text to its person and place, opens nothing else, and keeps its secrets to itself."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.formats.signing import new_signing_key, pem_of
from creditbank.gateways.keyring import Keyring, KeyringUnusable, SealBroken
from creditbank.gateways.keyring_source import create_keyring, open_keyring

NAME, OTHER_NAME = "learner.name:1", "learner.name:2"


@pytest.fixture(scope="module", name="path")
def made_keyring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keyring.json"
    create_keyring(path)
    return path


@pytest.fixture(scope="module", name="keyring")
def opened_keyring(path: Path) -> Keyring:
    return open_keyring(path)


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


def another(tmp_path: Path) -> Keyring:
    create_keyring(tmp_path / "another.json")
    return open_keyring(tmp_path / "another.json")


@given(text=st.text(), place=st.text())
def test_any_text_comes_back_from_its_place(keyring: Keyring, text: str, place: str) -> None:
    cipher = keyring.person_cipher(keyring.new_person_key())
    assert cipher.opened(cipher.seal(text, place), place) == text
    assert keyring.opened_bank(keyring.seal_bank(text, place), place) == text


def test_a_text_moved_to_another_place_does_not_open(keyring: Keyring) -> None:
    cipher = keyring.person_cipher(keyring.new_person_key())
    with pytest.raises(SealBroken):
        cipher.opened(cipher.seal("王小明", NAME), OTHER_NAME)
    with pytest.raises(SealBroken):
        keyring.opened_bank(keyring.seal_bank("王小明", NAME), OTHER_NAME)


def test_a_text_of_one_person_does_not_open_under_the_key_of_another(keyring: Keyring) -> None:
    mine, theirs = (keyring.person_cipher(keyring.new_person_key()) for _ in range(2))
    with pytest.raises(SealBroken):
        theirs.opened(mine.seal("王小明", NAME), NAME)


def test_a_persons_key_is_not_a_text_of_the_bank(path: Path, tmp_path: Path) -> None:
    """Even at a place that is spelled as the key's own."""
    content = json.loads(path.read_bytes())
    content["master_keys"][0]["id"] = "00" * 8
    keyring = open_keyring(written(tmp_path / "keyring.json", content))
    place = "person key\x01" + "\0" * 8
    with pytest.raises(SealBroken):
        keyring.opened_bank(keyring.new_person_key(), place)
    with pytest.raises(SealBroken):
        keyring.person_cipher(keyring.seal_bank("x" * 32, place))


def test_another_keyring_opens_nothing(keyring: Keyring, tmp_path: Path) -> None:
    other = another(tmp_path)
    with pytest.raises(SealBroken):
        other.person_cipher(keyring.new_person_key())
    with pytest.raises(SealBroken):
        other.opened_bank(keyring.seal_bank("x", NAME), NAME)
    assert other.blind_index("a", "b") != keyring.blind_index("a", "b")


def test_another_secret_under_the_same_id_opens_nothing(path: Path, keyring: Keyring, tmp_path: Path) -> None:
    content = json.loads(path.read_bytes())
    content["master_keys"][0]["secret"] = base64.b64encode(b"x" * 32).decode()
    other = open_keyring(written(tmp_path / "forged.json", content))
    with pytest.raises(SealBroken):
        other.person_cipher(keyring.new_person_key())


def test_a_change_of_any_byte_is_noticed(keyring: Keyring) -> None:
    wrapped = keyring.new_person_key()
    cipher = keyring.person_cipher(wrapped)
    sealed, kept = cipher.seal("王小明", NAME), keyring.seal_bank("answer", NAME)
    for place in range(len(wrapped)):
        with pytest.raises(SealBroken):
            keyring.person_cipher(changed(wrapped, place))
    for place in range(len(sealed)):
        with pytest.raises(SealBroken):
            cipher.opened(changed(sealed, place), NAME)
    for place in range(len(kept)):
        with pytest.raises(SealBroken):
            keyring.opened_bank(changed(kept, place), NAME)


def changed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_shortened_seal_does_not_open(keyring: Keyring) -> None:
    wrapped = keyring.new_person_key()
    cipher = keyring.person_cipher(wrapped)
    sealed = cipher.seal("王小明", NAME)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            cipher.opened(sealed[:length], NAME)
    for length in range(len(wrapped)):
        with pytest.raises(SealBroken):
            keyring.person_cipher(wrapped[:length])


def test_the_same_text_is_sealed_differently_each_time(keyring: Keyring) -> None:
    wrapped = keyring.new_person_key()
    cipher = keyring.person_cipher(wrapped)
    seals = {cipher.seal("same", NAME) for _ in range(100)} | {keyring.seal_bank("same", NAME) for _ in range(100)}
    assert len(seals) == 200
    assert keyring.new_person_key() != wrapped


def test_each_seal_states_its_suite(keyring: Keyring) -> None:
    cipher = keyring.person_cipher(keyring.new_person_key())
    for sealed in (keyring.new_person_key(), cipher.seal("x", NAME), keyring.seal_bank("x", NAME)):
        assert sealed[0] == 1


def test_a_cipher_serves_many_threads(keyring: Keyring) -> None:
    cipher = keyring.person_cipher(keyring.new_person_key())

    def there_and_back(number: int) -> str:
        return cipher.opened(cipher.seal(f"text {number}", NAME), NAME)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(there_and_back, range(2000))) == [f"text {number}" for number in range(2000)]


def test_equal_values_of_one_domain_have_equal_indexes(keyring: Keyring) -> None:
    index = keyring.blind_index("cn.resident_id", "11010519491231002X")
    assert index == keyring.blind_index("cn.resident_id", "11010519491231002X")
    assert len(index) == 32
    others = {
        keyring.blind_index("passport", "11010519491231002X"),
        keyring.blind_index("cn.resident_id", "110105194912310020"),
        keyring.blind_index("cn.resident_i", "d11010519491231002X"),
        keyring.blind_index("", "cn.resident_id11010519491231002X"),
    }
    assert len(others | {index}) == 5


def test_a_newer_key_of_each_kind_is_used_and_the_older_still_opens(path: Path, tmp_path: Path) -> None:
    old = open_keyring(path)
    wrapped, kept = old.new_person_key(), old.seal_bank("answer", NAME)
    sealed = old.person_cipher(wrapped).seal("王小明", NAME)
    content = json.loads(path.read_bytes())
    content["master_keys"].append({"id": "00" * 8, "secret": base64.b64encode(b"m" * 32).decode()})
    content["index_keys"].append({"secret": base64.b64encode(b"i" * 32).decode()})
    content["signing_keys"].append({"private_key_pem": pem_of(new_signing_key())})
    new = open_keyring(written(tmp_path / "rotated.json", content))

    assert new.person_cipher(wrapped).opened(sealed, NAME) == "王小明"
    assert new.opened_bank(kept, NAME) == "answer"
    assert new.new_person_key()[1:9] == new.seal_bank("x", NAME)[1:9] == bytes(8)
    with pytest.raises(SealBroken):
        old.person_cipher(new.new_person_key())
    indexes = [index.value for index in new.blind_indexes("a", "b")]
    assert indexes == [new.blind_index("a", "b"), old.blind_index("a", "b")]
    assert new.signing_key.public != old.signing_key.public
    assert new.public_keys == {key.public.kid: key.public for key in (old.signing_key, new.signing_key)}


def test_a_new_keyring_is_its_owners_alone_and_leaves_nothing_beside_it(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert abs(open_keyring(path).created_at - datetime.now(UTC)) < timedelta(hours=1)


def test_a_keyring_is_never_replaced(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyringUnusable):
        create_keyring(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_keyring_is_not_made_where_there_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(KeyringUnusable):
        create_keyring(tmp_path / "missing" / "keyring.json")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_a_keyring_open_to_others_is_not_used(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.json"
    create_keyring(path)
    path.chmod(mode)
    with pytest.raises(KeyringUnusable, match="chmod 600"):
        open_keyring(path)
    path.chmod(0o400)
    open_keyring(path)


def test_a_missing_keyring_or_a_directory_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(KeyringUnusable):
        open_keyring(tmp_path / "keyring.json")
    (tmp_path / "directory").mkdir(mode=0o700)
    with pytest.raises(KeyringUnusable):
        open_keyring(tmp_path / "directory")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"created_at": "yesterday"},
        {"created_at": None},
        {"master_keys": []},
        {"index_keys": []},
        {"signing_keys": []},
        {"master_keys": None},
        {"master_keys": ["x"]},
        {"master_keys": [{"id": "00" * 8, "secret": "dG9vIHNob3J0"}]},
        {"master_keys": [{"id": "00" * 7, "secret": base64.b64encode(b"m" * 32).decode()}]},
        {"master_keys": [{"id": "00" * 8, "secret": base64.b64encode(b"m" * 32).decode()}] * 2},
        {"index_keys": [{"secret": "!" * 44}]},
        {"index_keys": [{"secret": None}]},
        {"signing_keys": [{"private_key_pem": "-----BEGIN PRIVATE KEY-----"}]},
    ],
)
def test_a_malformed_keyring_is_not_used(path: Path, tmp_path: Path, change: dict[str, object]) -> None:
    content = json.loads(path.read_bytes())
    with pytest.raises(KeyringUnusable):
        open_keyring(written(tmp_path / "changed.json", {**content, **change}))
    for name in change:
        del content[name]
    with pytest.raises(KeyringUnusable):
        open_keyring(written(tmp_path / "shortened.json", content))


@pytest.mark.parametrize("keys", [None, ["x"], [{"private_key_pem": pem_of(new_signing_key())}]])
def test_a_keyring_may_lack_log_keys_but_not_have_malformed_ones(path: Path, tmp_path: Path, keys: object) -> None:
    content = json.loads(path.read_bytes())
    del content["log_keys"]
    assert open_keyring(written(tmp_path / "without.json", content)).log_keys == ()
    with pytest.raises(KeyringUnusable):
        open_keyring(written(tmp_path / "changed.json", content | {"log_keys": keys}))


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"{}", b"[" * 10_000, b" " * 1024 * 1025])
def test_a_file_of_something_else_is_not_used(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "keyring.json"
    path.write_bytes(body)
    path.chmod(0o600)
    with pytest.raises(KeyringUnusable):
        open_keyring(path)


def test_no_secret_shows(path: Path, keyring: Keyring, tmp_path: Path) -> None:
    content = json.loads(path.read_bytes())
    secrets = [key["secret"] for name in ("master_keys", "index_keys") for key in content[name]]
    shown = [repr(keyring), str(keyring), repr(keyring.master_keys), repr(keyring.signing_keys), repr(keyring.log_keys)]
    shown.append(repr(keyring.person_cipher(keyring.new_person_key())))
    with pytest.raises(KeyringUnusable) as unusable:
        open_keyring(written(tmp_path / "broken.json", {**content, "version": 2}))
    shown.append(str(unusable.value))
    for secret in secrets:
        raw = base64.b64decode(secret)
        for form in (secret, raw.hex(), repr(raw)[2:-1]):
            assert not any(form in text for text in shown)
    assert not any("PRIVATE KEY" in text or "AESGCM" in text for text in shown)


def test_a_keyring_can_not_be_changed(keyring: Keyring) -> None:
    with pytest.raises(FrozenInstanceError):
        keyring.index_keys = ()  # type: ignore[misc]

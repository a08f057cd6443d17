"""The cipher suites give what their standards publish, and neither opens what the other sealed."""

import hashlib

import pytest

from creditbank.gateways.suites import AES_256_GCM, SM4_GCM, SUITE_OF_KEY_BYTES, SUITES, Cipher, SealBroken, Suite

RFC_8998_A_1 = {
    "key": "0123456789abcdeffedcba9876543210",
    "nonce": "00001234567800000000abcd",
    "place": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "text": "".join(digit * 16 for digit in "abcdefea"),
    "sealed": "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec",
}
GCM_SPECIFICATION_16 = {
    "key": "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    "nonce": "cafebabefacedbaddecaf888",
    "place": "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    "text": "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    "sealed": "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b",
}


@pytest.mark.parametrize(
    ("suite", "published"), [(SM4_GCM, RFC_8998_A_1), (AES_256_GCM, GCM_SPECIFICATION_16)], ids=["sm4", "aes"]
)
def test_a_suite_gives_what_its_standard_publishes(suite: Suite, published: dict[str, str]) -> None:
    key, nonce, place, text, sealed = (
        bytes.fromhex(published[name]) for name in ("key", "nonce", "place", "text", "sealed")
    )
    assert suite.encrypted(key, nonce, text, place) == sealed
    assert suite.decrypted(key, nonce, sealed, place) == text


@pytest.mark.parametrize(("suite", "name"), [(AES_256_GCM, "sha256"), (SM4_GCM, "sm3")], ids=["aes", "sm4"])
def test_the_keyed_hash_is_hmac_of_the_suites_hash(suite: Suite, name: str) -> None:
    """By the definition of RFC 2104, with the hash of another library."""
    key, text = b"k" * 32, "证件".encode()
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    assert suite.mac(key, text) == hashlib.new(name, outer + hashlib.new(name, inner + text).digest()).digest()


def test_a_key_tells_its_suite_by_its_length() -> None:
    assert len(SUITE_OF_KEY_BYTES) == len(SUITES) == len({suite.byte for suite in SUITES.values()}) == 2
    for suite in SUITES.values():
        assert SUITE_OF_KEY_BYTES[len(suite.derived(b"secret", b"use"))] is suite
        assert suite.derived(b"secret", b"use") != suite.derived(b"secret", b"other use")


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_what_is_changed_moved_or_of_another_suite_does_not_open(suite: Suite) -> None:
    cipher = Cipher(suite, suite.derived(b"secret", b"use"))
    sealed = cipher.sealed(b"text", b"place")
    assert cipher.opened(suite.byte, sealed, b"place") == b"text"
    other = next(one for one in SUITES.values() if one is not suite)
    spoiled = [(suite.byte, sealed[:length], b"place") for length in range(len(sealed))]
    spoiled += [(suite.byte, sealed, b"other"), (other.byte, sealed, b"place"), (b"", sealed, b"place")]
    for suite_byte, body, place in spoiled:
        with pytest.raises(SealBroken):
            cipher.opened(suite_byte, body, place)
    assert repr(cipher.key) not in repr(cipher)

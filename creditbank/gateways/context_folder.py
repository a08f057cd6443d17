"""The folder of JSON-LD contexts that were installed from files: one file each, named by the hash of its address."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from creditbank.core.errors import Refusal
from creditbank.formats.canonical import foreign_canonical_bytes
from creditbank.formats.strict_json import parsed

FILE_BYTES_MAX = 256 * 1024
"""Of one context: ten times the largest that credentials use."""

CONTEXTS_MAX = 100
DEPTH_MAX = 32
ADDRESS_LENGTH_MAX = 500

_OB = "https://purl.imsglobal.org/spec/ob/v3p0"
WELL_KNOWN = {
    "b01e671e873981f19a9102a9a57f666dbcaeb31b99e3e124378d143e71549247": "https://www.w3.org/2018/credentials/v1",
    "b463c8d6a066214123ddd9827b135e1b50e1fc73322cc52a9b12a4f1fc7d86cf": "https://www.w3.org/ns/credentials/v2",
    "a7e146c40fcec005d3f0f14ae745665f446da58d7914a9d8f733746686fad82b": "https://www.w3.org/ns/did/v1",
    "9505bf85338a4c2121ad03992ac90061bc85d43bcfa34d9d47b779381cf08b5f": "https://w3id.org/security/data-integrity/v1",
    "8bb2354552b70cbdf2066f6d3e24bc5c2be2619145737580ad2aebdc366e77d5": f"{_OB}/context-3.0.1.json",
    "bdd1d11a55a660322f24660862a1d430ee80cce584465f750909daa43684357c": f"{_OB}/context-3.0.2.json",
    "04b1136ddc4eda9a8966bc7ef182789f233a26739473140ef75d6968c29a2966": f"{_OB}/context-3.0.3.json",
    "15f4c347c6fe4380d9b6b93795859e33747ef48d5c55b91a71c52fb51c7bcbd7": f"{_OB}/extensions.json",
    "7defe702c102faf14108579b7d65ef39ecf4c3bbef925b803e15bd77cd6e3394": (
        "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"
    ),
}
"""Addresses of contexts that are well known, by the SHA-256 of their canonical JSON: however a file is laid out."""


class ContextsUnusable(Exception):  # noqa: N818 - reads as what it is
    """A file or the folder can't be used; the sentence says why and how to mend it."""


def open_contexts(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the installed contexts by their addresses; none where there is no folder. Raises ContextsUnusable."""
    if not folder.is_dir():
        return {}
    files = sorted(folder.glob("*.json"))
    if len(files) > CONTEXTS_MAX:
        message = f"{folder} holds more than {CONTEXTS_MAX} contexts: correct CREDITBANK_CONTEXTS"
        raise ContextsUnusable(message)
    return dict(_installed(path) for path in files)


def install(folder: Path, named: Iterable[tuple[str | None, Path]]) -> list[str]:
    """Put contexts of files into the folder, each under an address, or under its own if it is well known; return those.

    All of them or none. One that is there already under the address is replaced. Raises ContextsUnusable.
    """
    read = [_read(address, path) for address, path in named]
    there = open_contexts(folder)
    if len({*there, *(address for address, _ in read)}) > CONTEXTS_MAX:
        message = f"a bank has at most {CONTEXTS_MAX} contexts"
        raise ContextsUnusable(message)
    folder.mkdir(parents=True, exist_ok=True)
    for address, document in read:
        path = folder / f"{hashlib.sha256(address.encode()).hexdigest()}.json"
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps({"address": address, "document": document}, default=float), encoding="utf-8")
        unfinished.replace(path)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return [address for address, _ in read]


def _read(address: str | None, path: Path) -> tuple[str, Mapping[str, Any]]:
    document = _parsed(path)
    if not isinstance(document, dict) or not isinstance(document.get("@context"), (dict, list)):
        message = f"{path} is no JSON-LD context: it is an object with @context"
        raise ContextsUnusable(message)
    named = address or WELL_KNOWN.get(hashlib.sha256(foreign_canonical_bytes(document)).hexdigest())
    if named is None:
        message = f"{path} is no well-known context: say under which address it stands, as ADDRESS={path}"
        raise ContextsUnusable(message)
    if not _is_address(named):
        message = f"{path}: an address begins with https:// or http:// and has no spaces"
        raise ContextsUnusable(message)
    return named, document


def _installed(path: Path) -> tuple[str, Mapping[str, Any]]:
    content = _parsed(path)
    if (
        not isinstance(content, dict)
        or content.keys() != {"address", "document"}
        or not isinstance(content["document"], dict)
        or path.stem != hashlib.sha256(str(content["address"]).encode()).hexdigest()
    ):
        message = f"{path} is no installed context: take it away, and install it by creditbank contexts add"
        raise ContextsUnusable(message)
    return content["address"], content["document"]


def _parsed(path: Path) -> object:
    try:
        with path.open("rb") as file:
            return parsed(file.read(2 * FILE_BYTES_MAX), bytes_max=FILE_BYTES_MAX, depth_max=DEPTH_MAX)
    except OSError as error:
        message = f"{path} can't be read ({error.strerror})"
        raise ContextsUnusable(message) from None
    except Refusal as refusal:
        message = f"{path} can't be used: {refusal}"
        raise ContextsUnusable(message) from None


def _is_address(text: str) -> bool:
    begins = text.startswith(("https://", "http://"))
    return begins and len(text) <= ADDRESS_LENGTH_MAX and text.isascii() and text.isprintable() and " " not in text

"""Where the keyring comes from: a private file, which a running server reads again on change, or the environment."""

import base64
import fcntl
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import structlog

from creditbank.formats.credential_key import new_credential_pems
from creditbank.formats.signed_note import new_note_key_pem
from creditbank.formats.signing import new_signing_key, pem_of
from creditbank.gateways.keyring import (
    CONTENT_BYTES_MAX,
    ID_BYTES,
    SECRET_BYTES,
    VERSION,
    Keyring,
    KeyringUnusable,
    Kind,
)
from creditbank.gateways.keyring_layout import keyring_of
from creditbank.gateways.suites import AES_256_GCM, Suite

log = structlog.get_logger()

_FIELDS = {
    Kind.MASTER: "master_keys",
    Kind.INDEX: "index_keys",
    Kind.SIGNING: "signing_keys",
    Kind.LOG: "log_keys",
    Kind.CREDENTIAL: "credential_keys",
}


class KeyringFile:
    """A keyring file in use. It is looked at whenever the keys are asked for, so that a rotation needs no restart."""

    def __init__(self, path: Path, suite: Suite = AES_256_GCM) -> None:
        """Open the file; new keys are made for the suite. Raises KeyringUnusable."""
        self._path = path
        self._suite = suite
        self._lock = Lock()
        self._stand = _stand(path)
        self._ring = open_keyring(path)

    def current(self) -> Keyring:
        """Return the keys as the file has them now.

        A file that has become unusable meanwhile is logged, and the last good keys go on serving: who restores a file
        by hand shouldn't stop the bank.
        """
        stand = _stand(self._path)
        if stand != self._stand:
            with self._lock:
                if stand != self._stand:
                    self._read_again(stand)
        return self._ring

    def add(self, kind: Kind, suite: Suite | None, at: datetime) -> str:
        """Add a new newest key of the suite, or of the file's own, and return its id. Raises KeyringUnusable."""
        with self._changing() as content:
            content.setdefault(_FIELDS[kind], []).append(_new_key(kind, suite or self._suite, at))
        return list(self.current().added_at(kind))[-1]

    def drop(self, kind: Kind, ids: Collection[str]) -> None:
        """Take away keys for ever; the newest stays whatever is asked. Raises KeyringUnusable."""
        with self._changing() as content:
            ring = keyring_of(json.dumps(content).encode(), str(self._path))
            *older, newest = zip(ring.added_at(kind), content[_FIELDS[kind]], strict=True)
            content[_FIELDS[kind]] = [stored for key_id, stored in older if key_id not in ids] + [newest[1]]

    def _read_again(self, stand: tuple[int, ...]) -> None:
        """Take over what the file holds now. A change between the two looks at it is seen the next time."""
        try:
            self._ring = open_keyring(self._path)
        except KeyringUnusable as unusable:
            log.error("keyring_unusable", reason=str(unusable))  # noqa: TRY400 - a trace would say no more
        self._stand = stand

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """Give the content to be changed, one process at a time, then write it whole under the same name."""
        with _locked(self._path.parent):
            open_keyring(self._path)
            content = json.loads(_private_bytes(self._path))
            yield content
            body = json.dumps(content, indent=1).encode()
            keyring_of(body, str(self._path))
            try:
                _replace(self._path, body)
            except OSError as error:
                message = f"{self._path} can't be rewritten ({error.strerror}): do it as the user that owns it"
                raise KeyringUnusable(message) from None


class GivenKeyring:
    """A keyring handed over whole, from a secret store by way of the environment; it changes with a restart."""

    def __init__(self, body: str, source: str) -> None:
        """Read the content. Raises KeyringUnusable."""
        self._source = source
        self._ring = keyring_of(body.encode(), source)

    def current(self) -> Keyring:
        """Return the keys."""
        return self._ring

    def add(self, kind: Kind, suite: Suite | None, at: datetime) -> str:
        """Say how to do it instead. Raises KeyringUnusable."""
        del kind, suite, at
        self._explain()

    def drop(self, kind: Kind, ids: Collection[str]) -> None:
        """Say how to do it instead. Raises KeyringUnusable."""
        del kind, ids
        self._explain()

    def _explain(self) -> NoReturn:
        message = (
            f"the keyring comes from {self._source} and can't be changed from here: put its content into a file of mode"
            f" 0600, run this command with CREDITBANK_KEYRING naming that file and {self._source} unset, put the"
            " file's new content into the secret store, and restart every process of the bank"
        )
        raise KeyringUnusable(message)


def create_keyring(path: Path, suite: Suite = AES_256_GCM) -> None:
    """Write a new keyring, readable by its owner only; it appears whole or not at all. Raises KeyringUnusable.

    Nothing that stands at `path` is ever replaced: losing a keyring loses what was sealed under it.
    """
    try:
        _write_once(path, json.dumps(_new_content(suite), indent=1).encode())
    except FileExistsError:
        message = f"{path} exists already: remove or rename it yourself if nothing was ever sealed under it"
        raise KeyringUnusable(message) from None
    except OSError as error:
        message = f"{path} can't be written ({error.strerror}): make its directory writable for this user"
        raise KeyringUnusable(message) from None


def open_keyring(path: Path) -> Keyring:
    """Return the keys of a keyring file. Raises KeyringUnusable where it is missing, open to others or malformed."""
    return keyring_of(_private_bytes(path), str(path))


def _private_bytes(path: Path) -> bytes:
    """Return the content of a file that only its owner can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                message = f"{path} is open to other users (mode {stat.S_IMODE(mode):04o}): run chmod 600 {path}"
                raise KeyringUnusable(message)
            return file.read(CONTENT_BYTES_MAX + 1)
    except FileNotFoundError:
        message = f"there is no keyring at {path}: correct the path, or run creditbank keys create"
        raise KeyringUnusable(message) from None
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}): give it to the user that runs the bank"
        raise KeyringUnusable(message) from None


def _stand(path: Path) -> tuple[int, ...]:
    """Return what changes with the file: a new one has another inode, an edited one another time and size."""
    try:
        seen = path.stat()
    except OSError:
        return ()
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _new_content(suite: Suite) -> dict[str, Any]:
    at = datetime.now(UTC)
    created = {"version": VERSION, "created_at": at.isoformat(timespec="seconds")}
    return created | {field: [_new_key(kind, suite, at)] for kind, field in _FIELDS.items()}


def _new_key(kind: Kind, suite: Suite, at: datetime) -> dict[str, Any]:
    """Return a new key as it is stored."""
    added = {"added_at": at.isoformat(timespec="seconds")}
    if kind is Kind.SIGNING:
        return added | {"private_key_pem": pem_of(new_signing_key())}
    if kind is Kind.LOG:
        return added | {"private_key_pem": new_note_key_pem()}
    if kind is Kind.CREDENTIAL:
        return added | {"private_key_pems": new_credential_pems()}
    secret = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return {"id": secrets.token_hex(ID_BYTES), "suite": suite.name, **added, "secret": secret}


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, which leaves no file behind: two rotations at once can't lose a key."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        message = f"{directory} can't be opened ({error.strerror}): correct the path of the keyring"
        raise KeyringUnusable(message) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, body: bytes) -> None:
    """Write a file of mode 0600 whole and put it in the place of the one that stands there, for the same owner."""
    owner = path.stat()
    with _temporary(path.parent, body) as temporary:
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(path)
    _sync(path.parent)


def _write_once(path: Path, body: bytes) -> None:
    """Write a file of mode 0600 whole, and link it to its name only if the name is free."""
    with _temporary(path.parent, body) as temporary:
        os.link(temporary, path)
    _sync(path.parent)


@contextmanager
def _temporary(directory: Path, body: bytes) -> Iterator[Path]:
    """Give a file of mode 0600 with this content, written to the disk; it is gone afterwards unless it was renamed."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".keyring-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    """Write a directory's names to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""What is wrong or dangerous with the files and folders that settings name."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from creditbank.config import NO_FILES, NONE, NOWHERE, Settings
from creditbank.gateways.budgets import Budgets, StoreUnusable
from creditbank.gateways.context_folder import ContextsUnusable, open_contexts
from creditbank.gateways.issuer_file import IssuersUnusable, open_issuers
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.gateways.keyring_source import GivenKeyring, open_keyring
from creditbank.gateways.oidc import open_providers
from creditbank.gateways.provider_file import ProvidersUnusable
from creditbank.gateways.suites import SUITES
from creditbank.gateways.tracing import has_packages
from creditbank.soundness.values import Concern, Weight


def file_concerns(settings: Settings, environment: Mapping[str, str]) -> Iterator[Concern]:
    """Yield what is wrong with files and folders as they are now; nothing is made or changed."""
    yield from _keys(settings, environment)
    database = _sqlite_file(settings.database_url)
    if database is not None:
        yield from _database(database)
    yield from _journal(settings, environment, database)
    yield from _folder_of_log(settings.log_folder)
    yield from _store(settings.limits_store)
    yield from _traces(settings.otel)
    yield from _readable("CREDITBANK_OIDC_PROVIDERS", lambda: open_providers(settings.oidc_providers))
    yield from _readable("CREDITBANK_TRUSTED_ISSUERS", lambda: open_issuers(settings.trusted_issuers, NONE))
    yield from _readable("CREDITBANK_CONTEXTS", lambda: open_contexts(settings.contexts))


def _keys(settings: Settings, environment: Mapping[str, str]) -> Iterator[Concern]:
    """Yield what is wrong with the keyring."""
    if settings.cipher_suite not in SUITES:
        names = " / ".join(SUITES)
        yield Concern("CREDITBANK_CIPHER_SUITE", Weight.BROKEN, f"应为 {names}。", f"Set it to {names}.")
    if settings.keyring_json:
        if environment.get("CREDITBANK_KEYRING"):
            zh = "与 CREDITBANK_KEYRING 只能设其一；请保留要用的密钥。"
            en = "CREDITBANK_KEYRING is set as well; keep the one with the keys to be used."
            yield Concern("CREDITBANK_KEYRING_JSON", Weight.BROKEN, zh, en)
        yield from _readable("CREDITBANK_KEYRING_JSON", lambda: GivenKeyring(settings.keyring_json, "the keyring"))
    elif settings.keyring == Path(NOWHERE) or _is_missing(settings.keyring):
        zh = "没有密钥环；首次安装请运行 creditbank keys create，否则请从备份恢复：没有它谁也读不出已存的数据。"
        en = (
            "There is no keyring; run creditbank keys create for a new bank, else put back your copy: without it nobody"
            " reads what is stored."
        )
        yield Concern("CREDITBANK_KEYRING", Weight.DANGEROUS, zh, en)
    else:
        unusable = list(_readable("CREDITBANK_KEYRING", lambda: open_keyring(settings.keyring)))
        yield from unusable or _others_may_replace("CREDITBANK_KEYRING", settings.keyring)


def _database(file: Path) -> Iterator[Concern]:
    """Yield what is wrong with the file of an SQLite bank."""
    name = "CREDITBANK_DATABASE_URL"
    if not _is_there(file):
        yield from _writable(name, file.parent)
        return
    if file.is_dir():
        yield Concern(name, Weight.BROKEN, "是文件夹；应为文件。", "It is a folder; name a file.")
        return
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        zh, en = (
            "数据库文件对其他用户开放；请运行 chmod 600。",
            "The file of the database is open to other users; run chmod 600 on it.",
        )
        yield Concern(name, Weight.DANGEROUS, zh, en)
    if not os.access(file, os.R_OK | os.W_OK, effective_ids=True):
        zh, en = (
            "数据库文件不可读写；请交给运行银行的用户。",
            "The file of the database can't be written; give it to the user who runs the bank.",
        )
        yield Concern(name, Weight.BROKEN, zh, en)
    yield from _writable(name, file.parent)
    yield from _others_may_replace(name, file)


def _journal(settings: Settings, environment: Mapping[str, str], database: Path | None) -> Iterator[Concern]:
    """Yield what is wrong with where the journal of erasures stands."""
    name = "CREDITBANK_ERASURES"
    if not environment.get(name):
        zh = "未设置：注销记录会写在工作目录下；请设为与数据库备份分开保存的文件。"
        en = "It isn't set; erasures would be noted below the working directory. Name a file apart from the database."
        yield Concern(name, Weight.DANGEROUS, zh, en)
        return
    if database is not None and settings.erasures.resolve().parent == database.resolve().parent:
        zh = "与数据库在同一文件夹，恢复备份时会一并退回，被注销的人将重新出现；请另放一处。"
        en = "It stands beside the database and would be put back with it, and who was erased be there again; move it."
        yield Concern(name, Weight.DANGEROUS, zh, en)
    if _is_there(settings.erasures) and not settings.erasures.is_file():
        zh, en = (
            "是文件夹或设备，什么也留不下；应为文件。",
            "It is a folder or a device, which keeps nothing; name a file.",
        )
        yield Concern(name, Weight.BROKEN, zh, en)
        return
    yield from _writable(name, settings.erasures)
    yield from _others_may_replace(name, settings.erasures)


def _folder_of_log(folder: Path) -> Iterator[Concern]:
    """Yield what is wrong with the folder of checkpoints."""
    name = "CREDITBANK_LOG_FOLDER"
    if folder == Path(NO_FILES):
        zh = "不写检查点文件，恢复旧库后无从察觉；请设为另行保存的文件夹。"
        en = "No checkpoints are written, which show that a database was put back; name a folder kept apart."
        yield Concern(name, Weight.NOTABLE, zh, en)
    else:
        yield from _writable(name, folder)
        yield from _others_may_replace(name, folder / "checkpoint")


def _store(address: str) -> Iterator[Concern]:
    """Yield what is wrong with where requests are counted."""
    name = "CREDITBANK_LIMITS_STORE"
    try:
        does_answer = Budgets(address).answers()
    except StoreUnusable:
        zh = "不是存储地址；应为 memory:// 或 redis://主机:端口/0。"
        en = "It is no address of a store; set it to memory:// or redis://HOST:PORT/0."
        yield Concern(name, Weight.BROKEN, zh, en)
        return
    if not does_answer:
        zh = "Redis 没有回应；在它恢复之前，各进程只按自己的份额限流。请启动它。"
        en = "Redis doesn't answer; until it does, each process gives its share of the limits alone. Start it."
        yield Concern(name, Weight.NOTABLE, zh, en)


def _traces(setting: str) -> Iterator[Concern]:
    """Yield that the packages for traces are missing."""
    if setting != NONE and not has_packages():
        zh = "需要的软件包未安装；请运行 pip install 'creditbank[otel]'，或改为 none。"
        en = "The packages that it needs aren't installed; run pip install 'creditbank[otel]', or set it to none."
        yield Concern("CREDITBANK_OTEL", Weight.BROKEN, zh, en)


def _readable(name: str, read: Callable[[], object]) -> Iterator[Concern]:
    """Yield why a file can't be used, if it can't."""
    try:
        read()
    except (OSError, KeyringUnusable, ProvidersUnusable, IssuersUnusable, ContextsUnusable) as unusable:
        yield Concern(name, Weight.BROKEN, f"所指文件无法使用：{unusable}", f"What it names can't be used: {unusable}")


def _writable(name: str, place: Path) -> Iterator[Concern]:
    """Yield that a file that is there, or a folder, can't be written; of a missing folder the first above it counts."""
    there = next((one for one in (place, *place.absolute().parents) if _is_there(one)), place)
    needed = os.W_OK | (os.X_OK if there.is_dir() else 0)
    if (there != place and not there.is_dir()) or not os.access(there, needed, effective_ids=True):
        zh = f"{there} 不可写；请交给运行银行的用户。"
        en = f"{there} can't be written; give it to the user who runs the bank."
        yield Concern(name, Weight.BROKEN, zh, en)


def _others_may_replace(name: str, file: Path) -> Iterator[Concern]:
    """Yield that others may put another file in the place of one that the bank relies on."""
    folder = file.absolute().parent
    mode = folder.stat().st_mode if _is_there(folder) else 0
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
        zh, en = (
            "所在文件夹他人可写，可换掉此文件；请运行 chmod go-w。",
            "Others may write its folder and replace the file; run chmod go-w on it.",
        )
        yield Concern(name, Weight.DANGEROUS, zh, en)


def _is_there(place: Path) -> bool:
    """Tell whether a file or folder is seen to be there."""
    with suppress(OSError):
        return place.exists()
    return False


def _is_missing(file: Path) -> bool:
    """Tell whether a file isn't there; where that can't be told, reading it will say why not."""
    with suppress(OSError):
        return not file.exists()
    return False


def _sqlite_file(address: str) -> Path | None:
    """Return the file of an SQLite database."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        return None
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

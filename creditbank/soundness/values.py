"""What is wrong or dangerous with settings as they are said: values, and names of variables."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from ipaddress import ip_address
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from creditbank.config import NONE, PREFIX, Settings
from creditbank.gateways.budgets import IN_MEMORY

NAMES = frozenset(f"{PREFIX}{one.name.upper()}" for one in fields(Settings))
"""Every variable that the bank reads."""

TAKEN = {
    "CREDITBANK_AUDIT_DAYS": ("不小于 180 的整数", "a whole number, 180 or more"),
    "CREDITBANK_ADDRESS_REQUESTS_A_MINUTE": ("不小于 1 的整数", "a whole number, 1 or more"),
    "CREDITBANK_EXPORTS_A_DAY": ("不小于 1 的整数", "a whole number, 1 or more"),
    "CREDITBANK_IMPORT_MEBIBYTES": ("不小于 1 的整数", "a whole number, 1 or more"),
    "CREDITBANK_LOG_FORMAT": ("json、console 或 none", "json, console or none"),
    "CREDITBANK_LOG_ORIGIN": ("不含空格与加号的文字", "a text without blanks and plus signs"),
    "CREDITBANK_LOOKUPS_A_DAY": ("不小于 0 的整数", "a whole number, 0 or more"),
    "CREDITBANK_MODE": ("development 或 production", "development or production"),
    "CREDITBANK_OTEL": ("none 或 otlp", "none or otlp"),
    "CREDITBANK_POOLER": ("none 或 transaction", "none or transaction"),
    "CREDITBANK_POOL_SIZE": ("1 到 1000 的整数", "a whole number from 1 to 1000"),
    "CREDITBANK_PROCESSES": ("1 到 10000 的整数", "a whole number from 1 to 10000"),
    "CREDITBANK_PROXIES": ("0 到 10 的整数", "a whole number from 0 to 10"),
    "CREDITBANK_REPLICA_LAG_SECONDS": ("不小于 0 的数", "a number, 0 or more"),
    "CREDITBANK_REQUESTS_A_MINUTE": ("不小于 1 的整数", "a whole number, 1 or more"),
    "CREDITBANK_SEAL_SECONDS": ("不小于 1 的整数", "a whole number, 1 or more"),
    "CREDITBANK_WEBHOOKS_PRIVATE": ("true 或 false", "true or false"),
    "CREDITBANK_TRIES_A_MINUTE": ("不小于 1 的整数", "a whole number, 1 or more"),
}
"""What the variables take that don't take any text, in both languages."""

TOKEN_LENGTH_MIN = 16
"""Characters of a secret below which it is found by trying."""

PASSWORD_LENGTH_MIN = 8
"""Characters of a password below which it is found by trying, though the server answers slowly."""

_GUESSED = frozenset(
    {"12345678", "123456789", "1234567890", "admin123", "changeme", "change-me", "creditbank", "passw0rd"}
    | {"password", "password1", "postgres", "postgresql"}
)
"""Passwords that everybody tries first, beside those that are short."""

_ENCRYPTING = frozenset({"require", "verify-ca", "verify-full"})
"""Values of sslmode by which a connection is never in the clear."""

_PLAIN = re.compile(r"[!\"$->A-~]+", re.ASCII)
"""What an address is written in: visible signs without ?, # and @."""

_FALSE = frozenset({"", "0", "false", "no", "off"})


class Weight(Enum):
    """What a concern does: hinders everywhere, hinders in production, or is worth knowing."""

    BROKEN = "broken"
    DANGEROUS = "dangerous"
    NOTABLE = "notable"


@dataclass(frozen=True, slots=True)
class Concern:
    """Something about one variable, with what to do, in both languages; values aren't told, as some are secret."""

    variable: str
    weight: Weight
    zh: str
    en: str

    def hinders(self, *, in_production: bool) -> bool:
        """Tell whether the bank must not start."""
        return self.weight is Weight.BROKEN or (in_production and self.weight is Weight.DANGEROUS)


class SettingsDangerous(Exception):  # noqa: N818 - reads as what it is
    """The bank doesn't start with these settings; `concerns` are all the reasons why not."""

    def __init__(self, concerns: Sequence[Concern]) -> None:
        super().__init__("\n".join(f"{one.variable}: {one.en}" for one in concerns))
        self.concerns = tuple(concerns)


def unreadable(name: str) -> Concern:
    """Return the concern about a variable whose value is none."""
    zh, en = TAKEN[name]
    return Concern(name, Weight.BROKEN, f"其值无法使用；应为 {zh}。", f"Its value can't be used; set it to {en}.")


def environment_concerns(environment: Mapping[str, str]) -> Iterator[Concern]:
    """Yield what is wrong with the variables themselves: names that nobody reads, and switches for debugging."""
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in NAMES:
            close = difflib.get_close_matches(name, sorted(NAMES), 1)
            zh = f"没有这个设置，其值不起作用；{f'是否应为 {close[0]}？' if close else '请删除。'}"
            en = f"There is no such setting, and nobody reads it; {f'is {close[0]} meant?' if close else 'remove it.'}"
            yield Concern(name, Weight.DANGEROUS, zh, en)
    for name in ("FLASK_DEBUG", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE"):
        if environment.get(name, "").lower() not in _FALSE:
            zh, en = (
                "已开启调试；请删除此变量。",
                "Debugging is on, which shows what is inside to callers; remove the variable.",
            )
            yield Concern(name, Weight.DANGEROUS, zh, en)
    if environment.get("PYTHONOPTIMIZE", "").lower() not in _FALSE:
        zh = "会去掉程序对自身承诺的检查（assert）；请删除此变量。"
        en = "It takes out the checks of what the program promises itself (assert); remove the variable."
        yield Concern("PYTHONOPTIMIZE", Weight.BROKEN, zh, en)


def value_concerns(settings: Settings) -> Iterator[Concern]:
    """Yield what is wrong with values by themselves."""
    yield from _address(settings.base_url)
    yield from _database("CREDITBANK_DATABASE_URL", settings.database_url)
    if settings.replica_url != NONE:
        yield from _database("CREDITBANK_REPLICA_URL", settings.replica_url)
    if settings.log_format == NONE:
        zh, en = (
            "不写日志，出事后无从查考；请改为 json。",
            "No log is written, and nobody can look into an incident; set it to json.",
        )
        yield Concern("CREDITBANK_LOG_FORMAT", Weight.DANGEROUS, zh, en)
    yield from _limits(settings)
    if not settings.metrics_token:
        zh = "未设置：任何能访问该地址的人都能看到 /metrics；请设为一个随机令牌，或在代理处挡住。"
        en = "It isn't set: whoever reaches the address sees /metrics; set a random token, or bar the path in front."
        yield Concern("CREDITBANK_METRICS_TOKEN", Weight.NOTABLE, zh, en)
    elif len(settings.metrics_token) < TOKEN_LENGTH_MIN:
        zh = f"太短，易被猜中；至少 {TOKEN_LENGTH_MIN} 个随机字符。"
        en = f"It is short enough to be guessed; take {TOKEN_LENGTH_MIN} random characters or more."
        yield Concern("CREDITBANK_METRICS_TOKEN", Weight.DANGEROUS, zh, en)
    if settings.webhooks_private:
        zh = "推送可发往本机与内网地址，外人可借此探查内部系统；请删除此变量。"
        en = "Webhooks may be on this machine, by which outsiders reach what is inside; remove the variable."
        yield Concern("CREDITBANK_WEBHOOKS_PRIVATE", Weight.DANGEROUS, zh, en)
    if settings.oidc_providers == NONE:
        zh = "没有登录提供方，学习者与工作人员无法登录；如需登录，请设为提供方文件。"
        en = "Nobody can log in, neither learners nor staff; name the file of providers if they should."
        yield Concern("CREDITBANK_OIDC_PROVIDERS", Weight.NOTABLE, zh, en)


def _limits(settings: Settings) -> Iterator[Concern]:
    """Yield what keeps limits from counting everybody once."""
    is_alone = settings.limits_store == IN_MEMORY
    if is_alone and (settings.processes > 1 or not settings.database_url.startswith("sqlite")):
        zh = "各进程各自计数，每个只给一份；多个进程请共用 Redis：redis://主机:端口/0。"
        en = (
            "Each process counts by itself and gives a share; let several count together in Redis: redis://HOST:PORT/0."
        )
        yield Concern("CREDITBANK_LIMITS_STORE", Weight.NOTABLE, zh, en)
    if not is_alone:
        yield from _redis(settings.limits_store)
    if settings.base_url.startswith("https:") and not settings.proxies:
        zh = "为 0，而 TLS 由前面的代理处理：所有来访者看来都是代理的地址，共用一份额度；请设为代理的层数。"
        en = (
            "It is 0, while something in front does TLS: everybody seems to ask from its address and shares one budget;"
            " set it to the number of proxies."
        )
        yield Concern("CREDITBANK_PROXIES", Weight.NOTABLE, zh, en)


def _redis(address: str) -> Iterator[Concern]:
    """Yield what is wrong with the address of a Redis that isn't on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return
    is_remote = parts.scheme in ("redis", "rediss") and bool(host) and not is_this_machine(host)
    if is_remote and not (parts.scheme == "rediss" and parts.password):
        zh = "经网络连接 Redis 而未加密或无密码；请用 rediss://:密码@主机:端口/0，或限于内部网络。"
        en = (
            "Redis is asked over a network without TLS or password; use rediss://:PASSWORD@HOST:PORT/0, or keep it on a"
            " network of its own."
        )
        yield Concern("CREDITBANK_LIMITS_STORE", Weight.NOTABLE, zh, en)


def _address(base_url: str) -> Iterator[Concern]:
    """Yield what is wrong with the address under which the bank is reached."""
    name = "CREDITBANK_BASE_URL"
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        is_plain = _PLAIN.fullmatch(base_url) is not None and parts.port != 0
    except ValueError:
        parts, host, is_plain = urlsplit(""), "", False
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        zh = "不是网址；应为 https://主机名，只含 ASCII 字符，不带用户名、? 与 #。"
        en = "It is no address; set it to https://HOST, in ASCII, without user name, ? and #."
        yield Concern(name, Weight.BROKEN, zh, en)
        return
    if is_this_machine(host):
        zh = "指向本机，别处无法访问，令牌与凭证中的网址也随之失效；请设为对外的 https 地址。"
        en = "It names this machine, where nobody else can follow links and check credentials; set the public address."
        yield Concern(name, Weight.DANGEROUS, zh, en)
    elif parts.scheme == "http":
        zh = "为 http，令牌与个人信息会明文传输；请在前面设 TLS 并改为 https。"
        en = "It is http, by which tokens and personal data go in the clear; put TLS in front and set it to https."
        yield Concern(name, Weight.DANGEROUS, zh, en)


def _database(name: str, address: str) -> Iterator[Concern]:
    """Yield what is wrong with the address of a database."""
    try:
        url = make_url(address)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        backend = ""
    if backend not in ("sqlite", "postgresql"):
        zh = "不是数据库地址；应为 sqlite:///文件 或 postgresql+psycopg://用户@主机/库名。"
        en = "It is no address of a database; set it to sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME."
        yield Concern(name, Weight.BROKEN, zh, en)
    elif backend == "sqlite" and (url.database in (None, "", ":memory:") or url.get_driver_name() != "pysqlite"):
        zh = "没有指明文件，或驱动不可用；应为 sqlite:///文件。"
        en = "It names no file, or a driver that isn't there; set it to sqlite:///FILE."
        yield Concern(name, Weight.BROKEN, zh, en)
    elif backend == "sqlite":
        zh = "为 SQLite，只能单机运行；生产环境请用 PostgreSQL。"
        en = "It is SQLite, which serves one machine alone; use PostgreSQL where many rely on the bank."
        yield Concern(name, Weight.NOTABLE, zh, en)
    else:
        yield from _postgresql(name, url)


def _postgresql(name: str, url: URL) -> Iterator[Concern]:
    """Yield what is wrong with the address of a PostgreSQL server."""
    if url.get_driver_name() != "psycopg":
        zh, en = (
            "驱动应为 psycopg；请写 postgresql+psycopg://…。",
            "Its driver is not psycopg; write postgresql+psycopg://….",
        )
        yield Concern(name, Weight.BROKEN, zh, en)
    if _has_unknown_options(url):
        zh = "? 之后有 PostgreSQL 不认识的选项；请改正或删去。"
        en = "There is an option behind ? that PostgreSQL doesn't know; mend it or take it away."
        yield Concern(name, Weight.BROKEN, zh, en)
    if _is_guessed(url):
        zh = f"密码短于 {PASSWORD_LENGTH_MIN} 个字符，或是人人会猜的；请更换。"
        en = f"Its password has less than {PASSWORD_LENGTH_MIN} characters or is one that everybody guesses; change it."
        yield Concern(name, Weight.DANGEROUS, zh, en)
    if url.username == "postgres":
        zh = "以 postgres 身份连接，数据库无法阻止改写账本；请用 creditbank grant 建立专用角色。"
        en = "It connects as postgres, who may rewrite the ledger; use a role of its own (creditbank grant)."
        yield Concern(name, Weight.NOTABLE, zh, en)
    host = url.host or str(url.query.get("host", ""))
    is_remote = bool(host) and not host.startswith("/") and not is_this_machine(host)
    if is_remote and url.query.get("sslmode") not in _ENCRYPTING:
        zh = "经网络连接但未要求加密；请在地址后加 ?sslmode=verify-full（或 require）。"
        en = "It goes over a network without asking for encryption; add ?sslmode=verify-full (or require)."
        yield Concern(name, Weight.NOTABLE, zh, en)


def _has_unknown_options(url: URL) -> bool:
    """Tell whether an address has options that no connection takes."""
    try:
        make_conninfo("", **dict.fromkeys(url.query, "1"))
    except ProgrammingError:
        return True
    return False


def _is_guessed(url: URL) -> bool:
    """Tell whether an address has a password that is found by trying."""
    password = url.password if url.password is not None else url.query.get("password")
    if not isinstance(password, str):
        return False
    theirs = {(url.username or "").lower(), (url.database or "").lower()}
    return len(password) < PASSWORD_LENGTH_MIN or password.lower() in _GUESSED | theirs


def is_this_machine(host: str) -> bool:
    """Tell whether a host's name or number is that of the machine itself."""
    if host.lower().rstrip(".") == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        number = ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified

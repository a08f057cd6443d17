"""Webhooks: where an institution wants to be told of events, and what became of what was sent there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed, Outdated, Unknown, unknown
from creditbank.core.event import PING
from creditbank.core.permission import Actor, require
from creditbank.core.public_address import PUBLIC_PORTS, Target, target_of
from creditbank.core.webhook import (
    SECRET_OVERLAP,
    Delivery,
    DeliveryState,
    DisabledFor,
    Webhook,
    WebhookState,
)
from creditbank.formats.webhook_signing import new_secret
from creditbank.gateways.webhook_sender import AddressRefused, NameUnknown, WebhookSender
from creditbank.services.bank import Work
from creditbank.storage import deliveries, events, webhooks
from creditbank.storage.webhooks import Place, secret_before_place, secret_place

__all__ = ["Place"]

SCOPE = "webhooks:write"

WEBHOOKS_MAX = 20
"""Webhooks of one institution: one for each of its systems."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "not_a_url": (
        "不是可用的地址：应为 https://主机名/路径，主机名用 ASCII（国际域名写成 xn--…），不含用户名和 #。",
        "It is no URL for a webhook: https://host/path, the host in ASCII (xn--…), without user name and #.",
    ),
    "not_https": ("地址须以 https:// 开头。", "The URL begins with https://."),
    "wrong_port": (
        f"端口应为 {'、'.join(map(str, PUBLIC_PORTS))} 之一。",
        f"The port is one of {', '.join(map(str, PUBLIC_PORTS))}.",
    ),
    "not_public": (
        "此地址不在公共网络上；请使用可从互联网访问的主机。",
        "It is no address on the internet; name a host that can be reached from there.",
    ),
    "name_unknown": ("找不到此主机名；请核对域名解析。", "There is no such host; check the name."),
}
"""Why a URL is refused."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an institution says of a webhook; `types` is empty for all."""

    url: str
    types: tuple[str, ...]
    description: str
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Secret:
    """A webhook with a secret that is shown this one time."""

    webhook: Webhook
    secret: str


def check_url(sender: WebhookSender, actor: Actor, wish: Wish) -> None:
    """Let a URL pass that may be a webhook's, by its form and, of one that is enabled, by where its name leads now.

    It asks for the name, and so is done before the transaction. Refused: ScopeMissing, Malformed.
    """
    require(actor, SCOPE)
    target = target_of(wish.url, allows_private=sender.allows_private)
    code = target if isinstance(target, str) else None
    if isinstance(target, Target) and wish.is_enabled:
        code = _refused_now(sender, target)
    if code is not None:
        raise Malformed((Fault("/url", code, *_WORDS[code]),))


def register(work: Work, wish: Wish) -> Secret:
    """Register a webhook whose URL was checked; it is told of what is numbered from now on.

    Refused: ScopeMissing; Conflict where there are too many.
    """
    institution_id = _institution(work)
    if webhooks.count(work.connection, institution_id) >= WEBHOOKS_MAX:
        zh = f"每个机构最多 {WEBHOOKS_MAX} 个 webhook；请删除不再使用的。"
        en = f"An institution has {WEBHOOKS_MAX} webhooks at most; delete one that isn't needed."
        raise Conflict((Fault("", "too_many_webhooks", zh, en),))
    webhook_id, secret = work.new_id(), new_secret()
    made = Webhook(
        id=webhook_id,
        institution_id=institution_id,
        client_id=work.actor.client_id,
        url=wish.url,
        types=wish.types,
        description=wish.description,
        state=WebhookState.ENABLED if wish.is_enabled else WebhookState.DISABLED,
        disabled_for=None if wish.is_enabled else DisabledFor.ASKED,
        sealed_secret=work.keyring.seal_bank(secret, secret_place(webhook_id)),
        sealed_secret_before=None,
        before_until=None,
        revision=1,
        created_at=work.now,
        failures=0,
        failing_since=None,
    )
    webhooks.add(work.connection, made)
    return Secret(made, secret)


def webhook(work: Work, webhook_id: UUID) -> Webhook:
    """Return one webhook. Refused: ScopeMissing; Unknown, alike for one that is another institution's."""
    return _own(work, webhooks.by_id(work.connection, webhook_id))


def webhooks_page(work: Work, after: Place | None, rows_max: int) -> list[Webhook]:
    """Return the institution's webhooks, newest first. Refused: ScopeMissing."""
    return webhooks.page(work.connection, _institution(work), after, rows_max)


def change(work: Work, webhook_id: UUID, seen_revision: int, wish: Wish) -> Webhook:
    """Set what a webhook is told of, and where; enabled again, it is tried at once.

    From now on the client that changes it is the one whose scopes count. Refused: ScopeMissing, Unknown, Outdated.
    """
    found = _locked(work, webhook_id)
    if seen_revision != found.revision:
        zh = f"此 webhook 现为第 {found.revision} 版；请重新读取后再修改。"
        en = f"Revision {found.revision} of the webhook stands now; read it again and change that."
        raise Outdated((Fault("", "outdated", zh, en),))
    is_off = not wish.is_enabled
    changed = replace(
        found,
        client_id=work.actor.client_id,
        url=wish.url,
        types=wish.types,
        description=wish.description,
        state=WebhookState.DISABLED if is_off else WebhookState.ENABLED,
        disabled_for=(found.disabled_for or DisabledFor.ASKED) if is_off else None,
        revision=found.revision + 1,
        failures=0,
        failing_since=None,
    )
    webhooks.change(work.connection, changed)
    webhooks.wake(work.connection, webhook_id, work.now)
    return changed


def remove(work: Work, webhook_id: UUID) -> Webhook:
    """Forget a webhook with all that waits for it. Refused: ScopeMissing, Unknown."""
    found = _own(work, webhooks.locked_whole(work.connection, webhook_id))
    deliveries.remove(work.connection, webhook_id)
    webhooks.remove(work.connection, webhook_id)
    return found


def rotate_secret(work: Work, webhook_id: UUID) -> Secret:
    """Give a webhook a new secret; for a day deliveries are signed with the one before, too.

    Refused: ScopeMissing, Unknown.
    """
    found = _locked(work, webhook_id)
    before, secret = work.keyring.opened_bank(found.sealed_secret, secret_place(webhook_id)), new_secret()
    changed = replace(
        found,
        sealed_secret=work.keyring.seal_bank(secret, secret_place(webhook_id)),
        sealed_secret_before=work.keyring.seal_bank(before, secret_before_place(webhook_id)),
        before_until=work.now + SECRET_OVERLAP,
        revision=found.revision + 1,
    )
    webhooks.change(work.connection, changed)
    return Secret(changed, secret)


def ping(work: Work, webhook_id: UUID) -> Delivery:
    """Send something to try the webhook, whatever its types. Refused: ScopeMissing, Unknown, Conflict if disabled."""
    found = _locked(work, webhook_id)
    _check_enabled(found)
    made = Delivery(webhook_id, work.new_id(), 0, None, PING, DeliveryState.WAITING, 0, work.now, work.now)
    deliveries.queue(work.connection, [made])
    webhooks.wake(work.connection, webhook_id, work.now)
    return made


def deliveries_page(
    work: Work, webhook_id: UUID, state: DeliveryState | None, after: Place | None, rows_max: int
) -> list[Delivery]:
    """Return what was sent to a webhook, or waits to be, newest first; in a state if one is named.

    Refused: ScopeMissing, Unknown.
    """
    found = webhook(work, webhook_id)
    return deliveries.page(work.connection, found.id, state, after, rows_max)


def resend(work: Work, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Send something again, dead or delivered, as often and as long as if it were new.

    Refused: ScopeMissing, Unknown webhook or delivery, Conflict if disabled.
    """
    found = _locked(work, webhook_id)
    sent = deliveries.by_id(work.connection, webhook_id, delivery_id)
    if sent is None:
        raise unknown("投递", "delivery")
    _check_enabled(found)
    again = anew(sent, work.now)
    deliveries.change(work.connection, [again])
    webhooks.wake(work.connection, webhook_id, work.now)
    return again


def replay(work: Work, webhook_id: UUID, since: datetime) -> Webhook:
    """Send everything again that was numbered since an instant, as far as it is kept; the worker does it by and by.

    What is left of an earlier replay is sent as well.
    Refused: ScopeMissing, Unknown, Conflict if disabled.
    """
    found = _locked(work, webhook_id)
    _check_enabled(found)
    after, until = events.since(work.connection, since), events.newest(work.connection)
    left = webhooks.replayed_behind(work.connection, webhook_id)
    after = after if left is None else min(after, left)
    if after < until:
        webhooks.replay(work.connection, webhook_id, after, until)
    webhooks.wake(work.connection, webhook_id, work.now)
    return found


def anew(sent: Delivery, now: datetime) -> Delivery:
    """Return a delivery as if it had never been tried."""
    return replace(
        sent,
        state=DeliveryState.WAITING,
        attempts=0,
        queued_at=now,
        due_at=now,
        ended_at=None,
        status=None,
        fault=None,
    )


def _refused_now(sender: WebhookSender, target: Target) -> str | None:
    try:
        sender.addresses(target)
    except AddressRefused:
        return "not_public"
    except NameUnknown:
        return "name_unknown"
    return None


def _institution(work: Work) -> UUID:
    require(work.actor, SCOPE)
    assert work.actor.institution_id is not None, "learners' tokens carry no such scope"
    return work.actor.institution_id


def _locked(work: Work, webhook_id: UUID) -> Webhook:
    return _own(work, webhooks.locked(work.connection, webhook_id))


def _own(work: Work, found: Webhook | None) -> Webhook:
    if found is None or found.institution_id != _institution(work):
        raise _no_such_webhook(work)
    return found


def _no_such_webhook(work: Work) -> Unknown:
    require(work.actor, SCOPE)
    return unknown("webhook", "webhook")


def _check_enabled(found: Webhook) -> None:
    if found.state is WebhookState.DISABLED:
        zh, en = "此 webhook 已停用；请先启用。", "The webhook is disabled; enable it first."
        raise Conflict((Fault("", "webhook_disabled", zh, en),))

"""Signing what is sent to webhooks, by Standard Webhooks 1.0.0."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 - how a secret begins, not one
SECRET_BYTES = 32
"""256 random bits; Standard Webhooks wants 24 to 64 bytes."""


def new_secret() -> str:
    """Return a new secret, as its receiver is shown it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, keys: Iterable[str]) -> Mapping[str, str]:
    """Return the headers that a receiver verifies: id, timestamp, and a signature for each secret that counts."""
    signatures = [Webhook(key).sign(message_id, at.astimezone(UTC), body.decode()) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }

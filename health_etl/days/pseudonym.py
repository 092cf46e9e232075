"""Keyed pseudonyms: subjects replace user ids, and source files replace object keys, outside the lake."""

from __future__ import annotations

import hashlib
import hmac

import pandas as pd

LENGTH = 16  # hex digits; 64 bits keep a collision among a million people below one in ten million


def subject(user_id: str, key: str) -> str:
    """Return the pseudonym of a person: HMAC-SHA-256 under the secret key, shortened."""
    return hmac.new(key.encode(), user_id.encode(), hashlib.sha256).hexdigest()[:LENGTH]


def subjects(user_ids: pd.Series[str], key: str) -> pd.Series[str]:
    """Return the pseudonym of every user id in a column."""
    return user_ids.map({user_id: subject(user_id, key) for user_id in user_ids.unique()}).astype("str")


def source_file(source_key: str, key: str) -> str:
    """Return the pseudonym of a raw object; its key holds person, device, second and content hash."""
    return subject(f"source file\n{source_key}", key)  # no user id has a line feed, so none shares its pseudonym


def key_fingerprint(key: str) -> str:
    """Return a fingerprint that changes with the key and does not reveal it."""
    return hashlib.sha256(b"fingerprint of " + key.encode()).hexdigest()[:LENGTH]

"""Subjects: the keyed pseudonyms that replace user ids outside the lake."""

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


def key_fingerprint(key: str) -> str:
    """Return a fingerprint that changes with the key and does not reveal it."""
    return hashlib.sha256(b"fingerprint of " + key.encode()).hexdigest()[:LENGTH]

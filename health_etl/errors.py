"""Errors that are reported to people. Each message is one sentence: what happened, why, and how to fix it."""

from __future__ import annotations


class HealthEtlError(Exception):
    """Base of every error that this project raises on purpose; the message is meant for the user."""


class SettingsError(HealthEtlError):
    """A setting is unknown or not valid."""


class PermanentError(HealthEtlError):
    """A retry cannot help: wrong credentials, missing bucket, rejected input."""


class ObjectRefusedError(PermanentError):
    """The store refuses to hand out this one object: it is forbidden, archived, or may not be decrypted."""

    def __init__(self, message: str, answer: str) -> None:
        super().__init__(message)
        self.answer = answer  # the store's own word, such as AccessDenied; never a key


class DamagedTableError(PermanentError):
    """A table in the lake is not the Parquet file that was written."""


class FolderHiddenError(PermanentError):
    """A folder of the lake cannot be looked into; what lies in it is unknown."""


class TransientError(HealthEtlError):
    """A retry may help: connection failure, timeout, throttling."""


class ObjectNotFoundError(HealthEtlError):
    """The lake has no object with that key."""

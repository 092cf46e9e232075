"""Failures that a person is told about. Each message is one sentence: what, why, and the way out."""

from __future__ import annotations


class HealthEtlError(Exception):
    """Base of every failure that this project raises on purpose; its text is fit for the user."""


class SettingsError(HealthEtlError):
    """A setting is unknown or malformed."""


class PermanentError(HealthEtlError):
    """A retry cannot help: wrong credentials, missing bucket, refused input."""


class TransientError(HealthEtlError):
    """A retry may help: connection, time-out, throttling."""


class ObjectNotFoundError(HealthEtlError):
    """The lake holds no object of that key."""

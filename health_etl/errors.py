"""Failures that a person sees. Each message is one sentence: what failed, why, and what to do."""

from __future__ import annotations


class HealthEtlError(Exception):
    """Base of every failure that this project raises on purpose; its message can be shown to the user."""


class SettingsError(HealthEtlError):
    """A setting is unknown or not valid."""


class PermanentError(HealthEtlError):
    """A retry cannot help: wrong credentials, missing bucket, refused input."""


class TransientError(HealthEtlError):
    """A retry may help: connection, timeout, throttling."""


class ObjectNotFoundError(HealthEtlError):
    """The lake has no object with that key."""

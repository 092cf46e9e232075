"""Dagster assets, made by factories over the record types."""

"""Pure steps that every record type shares. No dagster, no environment, no clock."""

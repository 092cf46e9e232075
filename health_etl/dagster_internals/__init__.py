"""Everything that rests on more than Dagster's public API. Add nothing here that has a public way."""

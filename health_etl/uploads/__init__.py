"""The uploads in raw/: ingesting exports, listing them, releasing quarantined ones. Knows nothing of records."""

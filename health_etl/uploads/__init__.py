"""What lies under raw/: listing it, putting exports there, releasing what was quarantined."""

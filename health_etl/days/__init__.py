"""From accepted rows to local days: which rows belong to which person and day. Metrics belong in clinical/."""

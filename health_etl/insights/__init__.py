"""Insights: from selected records to one row per person, local day and record type, with its texts."""

"""Insights: one row a person, local day and record type, from selected records to told text."""

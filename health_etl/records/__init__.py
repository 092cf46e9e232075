"""From uploaded files to validated records and quarantine. Assigning rows to days for insights belongs in days/."""

"""Pictures of insights, and the HTML page about a person's days. What the numbers mean belongs to clinical/."""

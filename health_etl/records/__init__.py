"""From uploaded files to validated records, and what is kept out of them."""

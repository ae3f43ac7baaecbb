"""What is known of a cell: outcomes, kept answers, claims, and what is recorded."""

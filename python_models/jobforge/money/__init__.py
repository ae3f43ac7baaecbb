"""What tokens cost, what a run may spend, and what it would spend."""

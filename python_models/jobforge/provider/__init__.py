"""The one way to the model's server; a second provider goes here."""

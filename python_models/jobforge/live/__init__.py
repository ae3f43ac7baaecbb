"""Asks one request after another, as fast as the server allows, and loses nothing paid for."""

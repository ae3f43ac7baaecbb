"""Asks through the provider's Batch API, and collects what earlier runs sent."""

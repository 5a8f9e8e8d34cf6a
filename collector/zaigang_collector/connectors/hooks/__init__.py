"""Webhooks that come in: signed events of a company's own systems, and vendors' calls that wake a poll."""

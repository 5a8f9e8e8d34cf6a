"""Traces of work from business systems: that something was done, when, and nothing of what it said."""

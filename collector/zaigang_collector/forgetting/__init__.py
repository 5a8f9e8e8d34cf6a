"""Forgetting: a person on a ground, and everybody after some time."""

"""Gathers the evidence of an interval, has it judged by `matching`, and keeps every version."""

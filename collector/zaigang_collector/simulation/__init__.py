"""A workforce with known truth: who was where, and what their devices would have said.

Everything is drawn from a seed, and the same seed gives the same bytes. Nothing here knows how the
collector judges: of `matching` only the values are used, and every parameter comes from the
literature, a datasheet or everyday experience, said where it stands. So what the benchmark measures
was not built from the answers that it is meant to check.
"""

"""One module per way of asking the evidence (matching.md, Signals).

Each answers in natural-log likelihood ratios per slot: above 0 for presence, below 0 against it,
exactly 0.0 when it has nothing to say.
"""

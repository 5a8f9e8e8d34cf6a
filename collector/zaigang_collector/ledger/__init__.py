"""What may serve as evidence, in the order in which it came to be known."""

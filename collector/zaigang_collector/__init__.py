"""The collector: verifies, keeps, judges, answers."""

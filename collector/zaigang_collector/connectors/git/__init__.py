"""Commits of a company's own repositories: who, when and which; never a message, a path or contents."""

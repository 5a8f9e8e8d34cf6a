"""Sites, people, their networks, and who is assigned where."""

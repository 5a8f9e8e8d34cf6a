"""Who may use the REST interface: tokens with scopes."""

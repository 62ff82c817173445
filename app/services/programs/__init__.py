"""What only programs ask for: callers, lists, records and requests of the REST API."""

"""Accounts of contacts: passwords, sessions, tokens, and the devices that a contact registers itself."""

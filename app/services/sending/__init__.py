"""Sending and stopping, and watching a message while it goes."""

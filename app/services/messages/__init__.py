"""Messages and templates as they are kept: content, audience, copies, files."""

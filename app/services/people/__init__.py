"""People in the audience: contacts, their addresses, topics, suppressions; imports and exports of them."""

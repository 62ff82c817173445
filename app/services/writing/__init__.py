"""The composer: how a message begins, is written, gets its files, and is tried out."""

"""How every list is asked for: keyset pages, the filters and orders of programs, words that are searched."""

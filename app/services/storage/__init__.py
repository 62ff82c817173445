"""Files in buckets: uploads, lists, previews, links, who uses one, and deleting them."""

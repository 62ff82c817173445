"""Where files lie: a folder in the data dir by default, S3 and its kin by setting; `open_store` is the way in."""

from app.storage.files import FileStore, open_store

__all__ = ["FileStore", "open_store"]

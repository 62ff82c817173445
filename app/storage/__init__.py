"""Where files lie: a folder in the data dir by default, S3 and its kin by setting; `open_store` is the way in."""

from app.storage.files import FileStore, StoreError, open_folder, open_store
from app.storage.frames import CorruptFileError

__all__ = ["CorruptFileError", "FileStore", "StoreError", "open_folder", "open_store"]

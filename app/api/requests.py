"""The request as the API reads it: the temporary files of a multipart body are closed whatever becomes of it."""

from typing import IO

from flask import Request


class ApiRequest(Request):
    """Flask's request, which also lets go of the files of a body that was cut off in their middle."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        stream = super()._get_file_stream(total_content_length, content_type, filename, content_length)
        self.__dict__.setdefault("carillon.streams", []).append(stream)
        return stream

    def close(self) -> None:
        """Close what was opened for the body."""
        super().close()
        for stream in self.__dict__.pop("carillon.streams", []):
            stream.close()

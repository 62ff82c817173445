"""One story for each SDK; what a story's steps say in their first line stands in docs/vendor-sdks.md."""

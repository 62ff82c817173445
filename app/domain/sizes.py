"""How big something is, in words."""


def say_size(count: int) -> str:
    """A number of bytes in the unit people use (1 KB = 1,024 bytes): "12 KB", "3.4 MB"."""
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"

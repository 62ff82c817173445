"""Fetch the pinned third-party files of the dashboard into static/vendor; run by `make vendor`."""

import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.email_support import condense

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "static" / "vendor"
SPRITE = ROOT / "static" / "img" / "icons.svg"

# package and version -> path inside the package -> file under static/vendor
PACKAGES: dict[str, dict[str, str]] = {
    "@tabler/core@1.6.1": {
        "dist/css/tabler.min.css": "tabler/tabler.min.css",
    },
    "@tabler/icons@3.51.0": {
        "LICENSE": "tabler/icons-LICENSE",
    },
    "htmx.org@2.0.11": {
        "dist/htmx.min.js": "htmx/htmx.min.js",
        "LICENSE": "htmx/LICENSE",
    },
    "@fontsource-variable/inter@5.3.0": {
        "files/inter-latin-wght-normal.woff2": "inter/inter-latin.woff2",
        "files/inter-latin-ext-wght-normal.woff2": "inter/inter-latin-ext.woff2",
        "LICENSE": "inter/LICENSE",
    },
    "caniemail@2.0.2": {
        "data/caniemail.json": "caniemail/support.json",
        "LICENSE": "caniemail/LICENSE",
    },
}
ICON_PACKAGE = "@tabler/icons@3.51.0"
ICONS = [
    "activity",
    "address-book",
    "adjustments",
    "alert-circle",
    "alert-triangle",
    "archive",
    "arrow-back-up",
    "arrow-down",
    "arrow-left",
    "arrow-right",
    "arrow-up",
    "at",
    "ban",
    "bell",
    "bolt",
    "calendar",
    "calendar-event",
    "calendar-time",
    "chart-bar",
    "check",
    "checklist",
    "checks",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "chevron-up",
    "circle-check",
    "circle-dashed",
    "circle-minus",
    "circle-x",
    "click",
    "clock",
    "code",
    "copy",
    "database",
    "device-desktop",
    "device-mobile",
    "device-mobile-message",
    "dots",
    "dots-vertical",
    "download",
    "edit",
    "external-link",
    "eye",
    "eye-off",
    "file",
    "file-export",
    "file-import",
    "file-text",
    "filter",
    "flag",
    "flask",
    "folder",
    "gauge",
    "grip-vertical",
    "hash",
    "help-circle",
    "history",
    "home",
    "hourglass",
    "inbox",
    "info-circle",
    "key",
    "layout-grid",
    "link",
    "list",
    "list-details",
    "lock",
    "logout",
    "mail",
    "mail-opened",
    "menu-2",
    "message-2",
    "minus",
    "moon",
    "paperclip",
    "pencil",
    "photo",
    "player-pause",
    "player-play",
    "player-stop",
    "plug",
    "plug-connected",
    "plus",
    "question-mark",
    "refresh",
    "repeat",
    "rocket",
    "rotate-clockwise-2",
    "route",
    "search",
    "selector",
    "send",
    "server",
    "settings",
    "shield",
    "shield-lock",
    "slash",
    "sort-ascending",
    "sort-descending",
    "speakerphone",
    "sun",
    "table",
    "tag",
    "template",
    "trash",
    "typography",
    "upload",
    "user",
    "user-minus",
    "user-plus",
    "users",
    "wand",
    "world",
    "x",
]


def fetch_package(pin: str, into: Path) -> tarfile.TarFile:
    """The package's archive, as npm verifies and hands it over."""
    command = ["npm", "pack", "--silent", "--ignore-scripts", pin]
    name = subprocess.run(command, cwd=into, check=True, capture_output=True, text=True).stdout.split()[-1]
    return tarfile.open(into / name)


def read_member(package: tarfile.TarFile, path: str) -> bytes:
    """One file of a package; KeyError when the package has no such file."""
    member = package.extractfile(f"package/{path}")
    if member is None:
        raise KeyError(path)
    return member.read()


def without_source_map(content: bytes) -> bytes:
    """The file without its pointer to a map that we do not carry."""
    return re.sub(rb"\s*/[*/]# sourceMappingURL=[^\n]*$", b"", content.rstrip()) + b"\n"


def draw_sprite(package: tarfile.TarFile) -> bytes:
    """One SVG file with a symbol for each icon in use."""
    out = io.StringIO()
    out.write("<!-- Tabler icons 3.51.0 (MIT, see static/vendor/tabler/icons-LICENSE); made by `make vendor` -->\n")
    out.write('<svg xmlns="http://www.w3.org/2000/svg">\n')
    for name in ICONS:
        drawing = read_member(package, f"icons/outline/{name}.svg").decode()
        body = drawing[drawing.index(">", drawing.index("<svg")) + 1 : drawing.rindex("</svg>")]
        body = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", body)
        body = " ".join(body.split())
        out.write(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"'
            f' stroke-linecap="round" stroke-linejoin="round">{body}</symbol>\n'
        )
    out.write("</svg>\n")
    return out.getvalue().encode()


def write_manifest(files: dict[str, str]) -> None:
    """Write versions and SHA-256 of every file, so that a test can tell when one was changed by hand."""
    manifest = {
        "packages": sorted(PACKAGES),
        "files": {path: {"from": pin, "sha256": _digest(VENDOR / path)} for path, pin in sorted(files.items())},
        "sprite": {"from": ICON_PACKAGE, "sha256": _digest(SPRITE)},
    }
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refresh_vendor() -> None:
    """Fetch every pinned package, write the few files we use, the sprite and the manifest."""
    files: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for pin, members in PACKAGES.items():
            with fetch_package(pin, Path(folder)) as package:
                for source, target in members.items():
                    content = read_member(package, source)
                    if target.endswith((".css", ".js")):
                        content = without_source_map(content)
                    if target == "caniemail/support.json":
                        content = condense(content)
                    (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
                    (VENDOR / target).write_bytes(content)
                    files[target] = pin
                if pin == ICON_PACKAGE:
                    SPRITE.write_bytes(draw_sprite(package))
    write_manifest(files)
    print(f"{len(files)} files and {len(ICONS)} icons are fresh in {VENDOR.relative_to(ROOT)}.")


if __name__ == "__main__":
    refresh_vendor()

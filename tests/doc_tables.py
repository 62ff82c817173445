"""Tables in documents that tests make: each stands between two marks, and a test holds it against what is true."""

from pathlib import Path


def parts_of(page: Path, name: str) -> tuple[str, str, str]:
    """What stands before the table of that name, the table, and what stands behind it."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = page.read_text().partition(begin)
    table, ended, after = rest.partition(end)
    assert found, f"{page} has no {begin}"
    assert ended, f"{page} has no {end}"
    return before + found, table, ended + after


def rewrite(page: Path, name: str, table: str) -> None:
    """Put a new table in the place of the old one."""
    before, _, after = parts_of(page, name)
    page.write_text(before + table + after)


def drawn(heads: list[str], rules: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; `rules` are what aligns the columns, such as `--:`."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [heads, rules, *rows])

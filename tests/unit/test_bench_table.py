"""The table of `make bench`."""

from tests.bench.measure import Measurement, _cells, _table


def test_columns_stand_below_their_headings_whatever_the_lengths() -> None:
    measured = [
        Measurement("P1", "a short one", "/s", [12_574.2], [17_669.0], [0.7], at_least=1.0),
        Measurement("P11.7", "one whose words are longer than those of all the others together", "ms", [9.31]),
    ]
    headings, first, second = _table([_cells(each, 0.9, is_lost=each.name == "P1") for each in measured])
    assert first.index("a short one") == second.index("one whose") == headings.index("what")
    for heading, cell in (("ours", "12,574 /s"), ("yardstick", "17,669"), ("ratio", "0.700"), ("target", "≥ 1")):
        assert headings.index(heading) + len(heading) == first.index(cell) + len(cell), heading
    assert headings.index("ours") + len("ours") == second.index("9.31 ms") + len("9.31 ms")
    assert first.endswith("0.9  LOST target missed")
    assert second.endswith("0.9")

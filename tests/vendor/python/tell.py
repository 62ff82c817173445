"""Tell one story with one SDK: `python -S tell.py twilio` with the stage as JSON on standard input.

Run without our own site-packages (-S), so that an SDK finds nothing but what its own lock file brought. The last line
printed is {"ends": {step: null or the error}, "shown": {…}}.
"""

import importlib
import inspect
import json
import sys
import traceback

from stage import Stage


def main() -> None:
    """Each step of the story, whatever became of the one before."""
    stage = Stage(**json.load(sys.stdin))
    story = importlib.import_module(f"stories.{sys.argv[1]}")
    ends: dict[str, str | None] = {}
    for step in story.STEPS:
        name = (inspect.getdoc(step) or "").rstrip(".")
        try:
            step(stage)
            ends[name] = None
        except Exception:  # noqa: BLE001 - whatever an SDK raises is what the test wants to say
            ends[name] = traceback.format_exc()
    print(json.dumps({"ends": ends, "shown": stage.shown}))


if __name__ == "__main__":
    main()

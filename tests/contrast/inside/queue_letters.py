"""Queue one task for each of so many people: `python -m queue_letters PEOPLE`. A task is named as its recipient."""

import sys

from letters import send_letter

if __name__ == "__main__":
    for number in range(1, int(sys.argv[1]) + 1):
        address = f"c{number}@example.org"
        send_letter.apply_async((address,), task_id=address)

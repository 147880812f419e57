"""A process that analyses recordings: ``python -m sdr_detect.batch.worker``.

Standard input brings a task a line, standard output takes an outcome a line.
"""

from __future__ import annotations

from sdr_detect.answering import Work, answer


def load() -> Work:
    """What does a task."""
    from sdr_detect.batch.job import work

    return work


if __name__ == "__main__":
    answer(load)

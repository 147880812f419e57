"""A process that does jobs of a card: ``python -m sdr_detect.score.worker``.

Standard input brings a plan and a job's number a line, standard output takes a
result a line.
"""

from __future__ import annotations

import functools
import json

from sdr_detect.answering import Work, answer


def load() -> Work:
    """What does a job."""
    from sdr_detect.score import card
    from sdr_detect.score.job import Plan

    all_jobs = functools.lru_cache(maxsize=1)(card.all_jobs)

    def work(line: str) -> str:
        order = json.loads(line)
        plan = {**order["plan"], "only": tuple(order["plan"]["only"])}
        return json.dumps(card.work(all_jobs(Plan(**plan))[order["index"]]))

    return work


if __name__ == "__main__":
    answer(load)

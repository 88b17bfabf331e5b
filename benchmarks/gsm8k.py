"""659 school maths questions as requests, and what the file itself says of the answers.

`python -m benchmarks.gsm8k --output gsm8k.jsonl` writes one request per question for `asahi submit` and prints what
must come out of each model when every question goes to it: accuracy and tokens. `--results results.jsonl` grades
what came out: each answer must be the recorded one of the model that was chosen.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.tokens import estimate_text_tokens

FILE = Path(__file__).parents[2] / "shared" / "data" / "gsm8k_outcomes.csv.gz"
COLUMNS = {"mixtral-8x7b": "mixtral", "gpt-4": "gpt4"}
"""Models of the file by the name they have here: the prefix of their columns."""
TASK_TYPE = "mathematics"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model answered to one question."""

    answer: str
    correct: bool


@dataclass(frozen=True, slots=True)
class Question:
    """One question with the outcome of every model."""

    id: str
    prompt: str
    outcomes: dict[str, Outcome]


def read_questions(file: Path) -> list[Question]:
    """Read the file of recorded outcomes, in its order."""
    rows = csv.DictReader(io.StringIO(gzip.decompress(file.read_bytes()).decode("utf-8"), newline=""))
    return [
        Question(
            id=f"gsm8k-{number:04d}",
            prompt=row["prompt"],
            outcomes={
                model: Outcome(row[f"{column}_answer"], row[f"{column}_correct"] == "True")
                for model, column in COLUMNS.items()
            },
        )
        for number, row in enumerate(rows)
    ]


def requests(questions: Iterable[Question], tenant: str, model: str | None) -> Iterator[dict[str, Any]]:
    """Yield one request per question: for this model, or for whichever the router chooses."""
    choice = {"mode": "autopilot"} if model is None else {"mode": "explicit", "model": model}
    for question in questions:
        yield {
            "version": 1,
            "id": question.id,
            "tenant": tenant,
            "prompt": question.prompt,
            "task_type": TASK_TYPE,
            **choice,
        }


def recorded(questions: list[Question]) -> dict[str, dict[str, Any]]:
    """Return what each model would score and use if it got every question."""
    input_tokens = sum(estimate_text_tokens(question.prompt) for question in questions)
    return {
        model: {
            "questions": len(questions),
            "correct": sum(question.outcomes[model].correct for question in questions),
            "accuracy": sum(question.outcomes[model].correct for question in questions) / len(questions),
            "input_tokens": input_tokens,
            "output_tokens": sum(estimate_text_tokens(question.outcomes[model].answer) for question in questions),
        }
        for model in COLUMNS
    }


def grade(questions: list[Question], results: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, by chosen model, how many results are right and how many are the recorded answer.

    Args:
        questions: All of them.
        results: Results as `asahi.results` carries them, of these questions.
    """
    by_id = {question.id: question for question in questions}
    grades: dict[str, dict[str, Any]] = {}
    for result in results:
        model = result.get("model") or result["status"]
        marks = grades.setdefault(model, {"questions": 0, "correct": 0, "as_recorded": 0})
        marks["questions"] += 1
        outcome = by_id[result["id"]].outcomes.get(model)
        if outcome is not None:
            marks["correct"] += outcome.correct
            marks["as_recorded"] += (result.get("output") or {}).get("content") == outcome.answer
    return grades


def main() -> int:
    """Write the requests, grade the results, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=FILE, help="recorded outcomes (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="write the requests here, one JSON object per line")
    parser.add_argument("--tenant", default="demo")
    parser.add_argument("--model", choices=COLUMNS, help="ask this model; otherwise the router chooses")
    parser.add_argument("--results", type=Path, help="grade these results, one JSON object per line")
    options = parser.parse_args()
    if not options.file.exists():
        print(f"{options.file} is missing: the data lies beside the project; name it with --file", file=sys.stderr)
        return 2
    questions = read_questions(options.file)
    if options.output is not None:
        with options.output.open("w", encoding="utf-8") as lines:
            lines.writelines(
                json.dumps(request, ensure_ascii=False) + "\n"
                for request in requests(questions, options.tenant, options.model)
            )
    report: dict[str, Any] = {"recorded": recorded(questions)}
    if options.results is not None:
        with options.results.open(encoding="utf-8") as lines:
            report["results"] = grade(questions, (json.loads(line) for line in lines))
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Writing tasks with the settings of earlier versions and with the model's own, side by side.

Run with `python -m tests.benchmarks.writing [MODEL.gguf|FOLDER] [--rows N]`; without a model it
takes the starter. What can be counted is counted: whether what the task names is in the answer,
whether the answer came to its end, and how much of it is repeated. Quality is for people to judge:
the first answers are printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from studio.models.starter_pack import MODELS
from studio.protocol import ModelRef
from tests.engine.text.text_bench import STARTER, TextBench, model_at, starter_model

TASKS = Path(__file__).parents[1] / "data" / "writing" / "tasks.json"
EARLIER: dict[str, Any] = {
    "temperature": 0.7,
    "top_p": 0.95,
    "top_k": 50,
    "repetition_penalty": 1.1,
}
_REPEATED_LENGTH = 24
"""Characters of a passage that counts as repeated."""

_SHOWN = 400


def repeated(text: str) -> float:
    """Return which part of the passages of a text have come before in it."""
    passages = [text[at : at + _REPEATED_LENGTH] for at in range(len(text) - _REPEATED_LENGTH + 1)]
    return 1 - len(set(passages)) / len(passages) if passages else 0.0


def contained(task: Mapping[str, Any], text: str) -> float:
    """Return which part of what a task asks for is in a text."""
    return sum(part in text for part in task["contains"]) / len(task["contains"])


def own_settings(model: ModelRef) -> dict[str, Any]:
    """Return the model's own settings."""
    from studio.formats.chat.sampling_defaults import read_generation_config, read_gguf_sampling

    path = Path(model.path)
    own = read_generation_config(path) if path.is_dir() else read_gguf_sampling(path)
    is_starter = STARTER in model.path or "SmolLM2-135M-Instruct" in path.name
    return own | dict(MODELS[STARTER].settings if is_starter else {})


def run(bench: TextBench, model: ModelRef, task: Mapping[str, Any], **how: Any) -> dict[str, Any]:
    """Return the first answer to a task, and the averages over all rows."""
    outcome = bench.run(model, prompt=task["prompt"], seed=1, max_tokens=200, **how)
    answers = list(outcome.answers.values())
    ended = [1 - recipe.stats["reached_limit"] for recipe in outcome.recipes.values()]
    return {
        "answer": answers[0],
        "contained": mean(contained(task, answer) for answer in answers),
        "ended": mean(ended),
        "repeated": mean(map(repeated, answers)),
    }


def mean(values: Iterable[float]) -> float:
    """Return the mean."""
    listed = list(values)
    return sum(listed) / len(listed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all tasks and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=3)
    options = parser.parse_args(arguments)
    model = starter_model()
    if options.model is not None:
        form: Any = "gguf" if options.model.is_file() else "transformers"
        model = model_at(options.model, form)
    settings = {"earlier": EARLIER, "own": own_settings(model)}
    print(f"{model.name}: {settings['own']}")
    bench = TextBench(Path(tempfile.mkdtemp()))
    kept: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for task in json.loads(TASKS.read_text("utf-8")):
        print(f"\n== {task['id']}: {task['prompt']}")
        for name, how in settings.items():
            found = run(bench, model, task, count=options.rows, **how)
            kept.setdefault((task["language"], name), []).append(found)
            shown = " ⏎ ".join(found["answer"].split("\n"))[:_SHOWN]
            numbers = "  ".join(
                f"{key} {found[key]:.2f}" for key in ("contained", "ended", "repeated")
            )
            print(f"  [{name}] {numbers}\n    {shown}", flush=True)
    print(f"\n{'':14}{'contained':>10}{'ended':>10}{'repeated':>10}")
    for (language, name), all_found in kept.items():
        values = [
            mean(each[key] for each in all_found) for key in ("contained", "ended", "repeated")
        ]
        print(f"{language} {name:<11}" + "".join(f"{value:>10.2f}" for value in values))


if __name__ == "__main__":
    main()

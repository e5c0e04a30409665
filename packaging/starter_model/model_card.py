"""Fill in the model card from the report and the logs of the other steps (step 8 of the recipe).

The logs are copied next to it.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from pathlib import Path
from statistics import mean
from typing import Any

from build_data import DEFAULT_DATA
from evaluate import LANGUAGES, percent, prompts_table, steps_table, table


def curve(log: Path, rows: int = 12) -> str:
    """A few lines of the text encoder's log as Markdown."""
    with log.open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    step = max(1, len(lines) // rows)
    chosen = [*lines[::step], lines[-1]]
    out = ["| captions | loss | English | Chinese | exact |", "|---|---|---|---|---|"]
    for line in chosen:
        shares = [percent(float(line[name])) for name in ("english", "chinese", "exact")]
        out.append(
            f"| {line['captions']} | {float(line['loss']):.2f} | " + " | ".join(shares) + " |"
        )
    return "\n".join(out)


def denoiser_curve(log: Path, rows: int = 14) -> str:
    """A few lines of the denoiser's log as Markdown."""
    with log.open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    step = max(1, len(lines) // rows)
    out = ["| steps | images | hours | loss | at 1.0 | at 0.5 | at 0.2 |"]
    out.append("|---|---|---|---|---|---|---|")
    for line in [*lines[:-step:step], lines[-1]]:
        errors = [f"{float(line[name]):.5f}" for name in ("mse_100", "mse_50", "mse_20")]
        out.append(
            f"| {line['step']} | {line['images']} | {float(line['seconds']) / 3600:.2f} | "
            f"{float(line['loss']):.4f} | " + " | ".join(errors) + " |"
        )
    return "\n".join(out)


GOAL = 0.85


def verdict(report: dict[str, Any]) -> str:
    """The style figures summed up in sentences."""
    looks = report["styles"]
    each = {
        name: mean(look[tongue]["tolerant"] for tongue in LANGUAGES) for name, look in looks.items()
    }
    order = sorted(each, key=lambda name: -each[name])
    by_style = ", ".join(f"{name} {percent(each[name])}" for name in order)
    english, chinese = (
        mean(look[tongue]["tolerant"] for look in looks.values()) for tongue in LANGUAGES
    )
    strict = mean(look[tongue]["style"] for look in looks.values() for tongue in LANGUAGES)
    outcome = {
        (True, True): "is met by both",
        (True, False): "is met by the tolerant one only",
        (False, True): "is met by the strict one only",
        (False, False): "is missed by both",
    }[min(english, chinese) >= GOAL, strict >= GOAL]
    return (
        f"By the tolerant judge {percent(mean(each.values()))} of all pictures have the "
        f"style that was asked for ({by_style}; English {percent(english)}, Chinese "
        f"{percent(chinese)}), by the strict one {percent(strict)}: the goal of "
        f"{100 * GOAL:.0f} % {outcome}."
    )


def size(folder: Path) -> str:
    """The weights' size in megabytes."""
    total = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return f"{total / 1e6:.0f} MB in fp16"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, required=True, help="the exported folder")
    parser.add_argument("--report", type=Path, required=True, help="what evaluate.py wrote")
    parser.add_argument("--making", required=True, help="configuration, hardware and hours")
    options = parser.parse_args()
    text = Path(__file__).with_name("model_card.md").read_text("utf-8")
    report = json.loads(options.report.read_text("utf-8"))
    logs = {
        options.data / "denoiser" / "log.csv": options.model / "denoiser-log.csv",
        options.data / "text" / "log.csv": options.model / "training-log.csv",
    }
    for log, beside in logs.items():
        shutil.copyfile(log, beside)
    parts = {
        "table": table(report),
        "steps": steps_table(report),
        "prompts": prompts_table(report),
        "making": options.making,
        "style_verdict": verdict(report),
        "denoiser_curve": denoiser_curve(options.model / "denoiser-log.csv"),
        "curve": curve(options.model / "training-log.csv"),
        "text_size": size(options.model / "text_encoder"),
        "denoiser_size": size(options.model / "transformer"),
        "strict": percent(report["judges"]["style"]),
        "tolerant": percent(report["judges"]["tolerant"]),
    }
    for name, value in parts.items():
        text = text.replace("{" + name + "}", value)
    (options.model / "README.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()

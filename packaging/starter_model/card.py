"""Fill in the model card from the reports and logs of the other steps (step 8)."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from build_data import DEFAULT_DATA
from evaluate import table


def curve(log: Path, rows: int = 12) -> str:
    """A few lines of the text encoder's log as Markdown."""
    with log.open(newline="") as handle:
        lines = list(csv.DictReader(handle))
    step = max(1, len(lines) // rows)
    chosen = [*lines[::step], lines[-1]]
    out = ["| captions | loss | English | Chinese | exact |", "|---|---|---|---|---|"]
    for line in chosen:
        shares = [f"{100 * float(line[name]):.1f} %" for name in ("english", "chinese", "exact")]
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


def prompts(report: Path) -> str:
    """The report of `evaluate_prompts.py` as Markdown."""
    found = json.loads(report.read_text("utf-8"))
    out = ["| prompts | drawn right | (named) | nothing known |", "|---|---|---|---|"]
    for kind, shares in found.items():
        cells = [f"{100 * shares[name]:.1f} %" for name in ("alone", "named", "nothing")]
        out.append(f"| {kind} | {cells[0]} | ({cells[1]}) | {cells[2]} |")
    return "\n".join(out)


def size(folder: Path) -> str:
    """The weights' size in megabytes."""
    total = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return f"{total / 1e6:.0f} MB in fp16"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--model", type=Path, required=True, help="the exported folder")
    parser.add_argument("--report", type=Path, required=True, help="what evaluate.py wrote")
    parser.add_argument("--prompts", type=Path, required=True, help="and evaluate_prompts.py")
    parser.add_argument("--making", required=True, help="configuration, hardware and hours")
    parser.add_argument("--style-judge", required=True, help="its score on real icons")
    parser.add_argument("--style-verdict", required=True, help="what that comes to, in a sentence")
    options = parser.parse_args()
    text = Path(__file__).with_name("card.md").read_text("utf-8")
    parts = {
        "table": table(json.loads(options.report.read_text("utf-8"))),
        "prompts": prompts(options.prompts),
        "making": options.making,
        "style_verdict": options.style_verdict,
        "denoiser_curve": denoiser_curve(options.data / "denoiser" / "log.csv"),
        "curve": curve(options.data / "text" / "log.csv"),
        "text_size": size(options.model / "text_encoder"),
        "denoiser_size": size(options.model / "transformer"),
        "style_real": options.style_judge,
    }
    for name, value in parts.items():
        text = text.replace("{" + name + "}", value)
    (options.model / "README.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()

"""Build the training set of the vector icon model (step 1 of the recipe)."""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from vector_recipe import dataset, sources, split

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "data" / "vectors"


def find(data: Path, registry: str | None) -> list[dataset.Entry]:
    """All plain stroke icons of the sets; how many each set has is kept with its licence."""
    archive = sources.fetch(data, registry)
    entries: list[dataset.Entry] = []
    refused: Counter[str] = Counter()
    covered: list[float] = []
    licences: dict[str, dict[str, str | int]] = {}
    with ProcessPoolExecutor(2) as pool:
        used = list(sources.used_sets(archive))
        for source, made in zip(used, pool.map(dataset.read_set, used), strict=True):
            found, left_out, overlaps = made
            refused.update(left_out)
            covered.extend(overlaps)
            entries.extend(found)
            if found:
                about: dict[str, str | int] = {"name": source.name, "licence": source.licence}
                licences[source.prefix] = {**about, "icons": len(found)}
    (data / "sets.json").write_text(json.dumps(licences, indent=1), "utf-8")
    print(f"{len(entries)} stroke icons of {len(licences)} sets", flush=True)
    for reason, count in refused.most_common():
        print(f"  left out, {reason}: {count}", flush=True)
    least, tenth, half = (sorted(covered)[len(covered) * n // 100] for n in (5, 10, 50))
    print(f"drawn again they cover {half:.3f} (median), {tenth:.3f} (10 %), {least:.3f} (5 %)")
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--registry", help=f"another npm registry than {sources.REGISTRY}")
    parser.add_argument(
        "--found", action="store_true", help="begin with the last run's found.jsonl"
    )
    options = parser.parse_args()
    data: Path = options.data
    data.mkdir(parents=True, exist_ok=True)
    if options.found:
        entries = dataset.load(data / "found.jsonl")
    else:
        entries = find(data, options.registry)
        dataset.write(data / "found.jsonl", entries)
    distinct = dataset.without_exact(entries)
    kept, merged, leaking = dataset.without_near(distinct)
    print(f"{len(distinct)} different, {merged} more look alike, {leaking} look like held-out ones")
    dataset.write(data / "icons.jsonl", kept)
    words = dataset.vocabulary(kept)
    (data / "vocabulary.json").write_text(
        json.dumps({"sets": words.sets, "words": words.words}, indent=1), "utf-8"
    )
    parts = Counter(entry.part for entry in kept)
    print("  ".join(f"{part} {parts[part]}" for part in (split.TRAIN, *split.HELD_OUT)))
    lengths = sorted(entry.drawing.count(" ") + 1 for entry in kept if entry.part == split.TRAIN)
    print(
        f"{sum(lengths)} tokens to train on, {statistics.median(lengths):g} in the median, "
        f"{lengths[len(lengths) * 9 // 10]} at the 90th percentile; {len(words.words)} words"
    )


if __name__ == "__main__":
    main()

"""Train the vector icon model (step 2 of the recipe).

Can be stopped at any moment; the same command goes on from the last state, at most some minutes
earlier. `--weights` begins with a safetensors file in place of random numbers where there is no
state yet; the optimisers then start anew.

`--processes` share each step: one thread each, gradients summed over the loopback interface. Two
threads in one process are slower than one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from prepare import DEFAULT_DATA
from safetensors.torch import load_file, save_file
from torch import distributed
from torch.multiprocessing.spawn import spawn

from studio.formats.icons import tokens
from vector_recipe import batches, dataset, split, training
from vector_recipe.model import new_model, parameter_count, token_losses

MEASURED_OF_A_PART = 128
COLUMNS = ["step", "icons", "tokens", "seconds", "cpu", "loss", *split.HELD_OUT]


def load_data(data: Path) -> tuple[list[dataset.Entry], tokens.Vocabulary]:
    stored = json.loads((data / "vocabulary.json").read_text("utf-8"))
    vocabulary = tokens.Vocabulary(tuple(stored["sets"]), tuple(stored["words"]))
    return dataset.load(data / "icons.jsonl"), vocabulary


def held_out(
    entries: list[dataset.Entry], prompts: batches.Prompts
) -> dict[str, list[batches.Batch]]:
    """Some icons of each held-out part, always the same ones."""
    out = {}
    for part in split.HELD_OUT:
        found = [entry for entry in entries if entry.part == part]
        some = random.Random(0).sample(found, min(MEASURED_OF_A_PART, len(found)))
        out[part] = batches.in_batches([prompts.plain(entry) for entry in some], 4096)
    return out


@torch.inference_mode()
def measure(model: torch.nn.Module, parts: dict[str, list[batches.Batch]]) -> dict[str, float]:
    """The mean loss a token of each part."""
    found = {}
    for part, rows in parts.items():
        losses = torch.cat([token_losses(model, ids, drawn) for ids, drawn in rows])
        found[part] = losses.mean().item()
    return found


def sum_gradients(model: torch.nn.Module) -> None:
    """Let every process have the sum of the gradients of all."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    parts = flat.split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def summed(*numbers: float, world: int) -> list[float]:
    """The sums of numbers over all processes."""
    values = torch.tensor(numbers, dtype=torch.float64)
    if world > 1:
        distributed.all_reduce(values)
    return [float(value) for value in values]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--hours", type=float, default=24.0, help="for how long this run trains")
    parser.add_argument("--cool", action="store_true", help="let the rate fall to the end")
    parser.add_argument("--weights", type=Path, help="weights to begin with")
    parser.add_argument("--size", type=int, default=4096, help="tokens a step")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--port", type=int, default=29571, help="on which the processes meet")
    parser.add_argument("--float32", action="store_true", help="no bfloat16 in products")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--measure-minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def train(rank: int, options: argparse.Namespace) -> None:
    """Train as one of several processes; the first measures, saves and logs."""
    torch.set_num_threads(1)
    world = options.processes
    if world > 1:
        address = f"tcp://127.0.0.1:{options.port}"
        distributed.init_process_group("gloo", address, rank=rank, world_size=world)
    run: Path = options.data / "run"
    run.mkdir(exist_ok=True)
    torch.manual_seed(options.seed)
    entries, vocabulary = load_data(options.data)
    prompts = batches.Prompts(vocabulary)
    measured = held_out(entries, prompts)
    model, shown = new_model(vocabulary), new_model(vocabulary)
    if options.weights is not None:
        model.load_state_dict(load_file(options.weights), strict=False)
        model.tie_weights()
    average = training.Average(model)
    both = training.optimisers(model)
    step = icons = seen = 0
    seconds = cpu = cooled_before = 0.0
    state_path = run / "state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        model.load_state_dict(state["model"])
        average.shadow, average.updates = state["average"], state["updates"]
        for optimiser, stored in zip(both, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        step, icons, seen = (state[name] for name in ("step", "icons", "tokens"))
        seconds, cpu = state["seconds"], state["cpu"]
        cooled_before = state.get("cooled", 0.0)
    if rank == 0:
        known = f"{parameter_count(model)} parameters, {len(vocabulary.words)} words"
        print(f"{known}, from step {step}", flush=True)

    def save() -> None:
        training.save_state(
            state_path,
            {
                "model": model.state_dict(),
                "average": average.shadow,
                "updates": average.updates,
                "optimisers": [optimiser.state_dict() for optimiser in both],
                "step": step,
                "icons": icons,
                "tokens": seen,
                "seconds": seconds,
                "cpu": cpu,
                "cooled": cooled,
            },
        )
        partial = run / "weights.partial"
        save_file({name: p.half().contiguous() for name, p in average.shadow.items()}, partial)
        partial.replace(run / "weights.safetensors")

    log = training.Log(run / "log.csv", COLUMNS)
    size = options.size // world
    stream: Iterator[batches.Batch] = islice(
        batches.endless(entries, prompts, size, options.seed, skip=icons), rank, None, world
    )
    begun = last = saved = time.monotonic()
    told = begun - 60 * options.measure_minutes + 120
    running: list[float] = []
    cooled, cpu_before = cooled_before, cpu
    fraction = 0.0
    while fraction < 1:
        ids, drawn = next(stream)
        # Batches differ in how many tokens are drawn, so the sum is divided by the usual number.
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.float32):
            losses = token_losses(model, ids, drawn)
        torch.autograd.backward(losses.sum() / (0.9 * options.size))
        # The time is that of the first process, so that all have the same rate and end.
        now = time.monotonic()
        fraction = (now - begun) / (options.hours * 3600) if rank == 0 else 0.0
        if world > 1:
            sum_gradients(model)
        rows, drawn_tokens, fraction, used = summed(
            len(ids), len(losses), fraction, time.process_time(), world=world
        )
        # A run that was stopped while it cooled goes on from there: warmed up again, it would lose
        # what the low rate has gained.
        if options.cool:
            cooled = cooled_before + (1 - cooled_before) * min(1.0, fraction)
        training.set_rate(both, training.rate(step, cooled))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in both:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        average.update(model)
        step += 1
        icons += int(rows)
        seen += int(drawn_tokens)
        cpu = cpu_before + used
        running = [*running[-199:], losses.mean().item()]
        seconds, last = seconds + now - last, now
        if rank == 0 and now - saved > 60 * options.save_minutes:
            save()
            saved = time.monotonic()
        if rank == 0 and now - told > 60 * options.measure_minutes:
            average.copy_to(shown)
            found = measure(shown, measured)
            mean = sum(running) / len(running)
            found |= {"loss": mean, "seconds": seconds, "cpu": cpu}
            log.row(step=step, icons=icons, tokens=seen, **found)
            told = time.monotonic()
    if rank == 0:
        save()


def main() -> None:
    options = parse()
    if options.processes == 1:
        train(0, options)
    else:
        spawn(train, (options,), nprocs=options.processes)


if __name__ == "__main__":
    main()

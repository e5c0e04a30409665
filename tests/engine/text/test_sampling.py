"""Tokens are sampled from exactly the distribution that the settings describe."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from studio.engine.tasks.text.decode import sampling
from studio.engine.tasks.text.decode.sampling import Sampling
from studio.engine.tasks.text.decode.torch_sampling import (
    SeenTokens,
    gumbel_noise,
    pick,
    pick_with_torch,
)

DRAWS = 20_000


def logits(vocabulary: int = 40) -> torch.Tensor:
    return torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(3)) * 2


def drawn(scores: torch.Tensor, how: Sampling) -> torch.Tensor:
    """Return how often each token is drawn, as a fraction."""
    rows = scores.expand(DRAWS, -1).clone()
    tokens = pick(rows, torch.arange(DRAWS), 5, how)
    return torch.bincount(tokens, minlength=scores.shape[-1]) / DRAWS


@pytest.mark.parametrize(
    "how",
    [
        Sampling(1.0, 1.0, 0, 1.0),
        Sampling(0.6, 1.0, 7, 1.0),
        Sampling(1.3, 0.8, 0, 1.0),
        Sampling(0.9, 0.7, 12, 1.0),
        Sampling(1.0, 0.0001, 5, 1.0),
        Sampling(1.0, 1.0, 1000, 1.0),
        Sampling(1.0, 1.0, 0, 1.0, 0.1),
        Sampling(1.2, 0.9, 0, 1.0, 0.05),
        Sampling(0.8, 0.9, 20, 1.0, 0.2),
        Sampling(1.0, 1.0, 0, 1.0, 1.0),
    ],
)
def test_the_frequencies_are_those_of_transformers(how: Sampling) -> None:
    scores = logits()
    warpers = LogitsProcessorList([TemperatureLogitsWarper(how.temperature)])
    if how.top_k:
        warpers.append(TopKLogitsWarper(how.top_k))
    if how.top_p < 1:
        warpers.append(TopPLogitsWarper(how.top_p))
    if how.min_p:
        warpers.append(MinPLogitsWarper(how.min_p))
    expected = warpers(torch.zeros(1, 0, dtype=torch.int64), scores.clone()).softmax(-1)[0]
    found = drawn(scores, how)
    assert ((found > 0) <= (expected > 0)).all()
    assert (found - expected).abs().max() < 0.015


def test_a_nucleus_larger_than_the_first_candidates_is_sampled_in_full() -> None:
    flat = torch.zeros(1, 5000)
    narrow = torch.zeros(1, 5000)
    narrow[0, 17] = 40.0
    rows = torch.cat([flat, narrow]).repeat(500, 1)
    tokens = pick(rows, torch.arange(1000), 0, Sampling(1.0, 0.9, 0, 1.0))
    assert set(tokens[1::2].tolist()) == {17}
    assert len(set(tokens[::2].tolist())) > 450
    alone = pick(rows[:1].clone(), torch.arange(1), 0, Sampling(1.0, 0.9, 0, 1.0))
    assert tokens[0] == alone[0]


@pytest.mark.parametrize("vocabulary", [3, 40, 130, 50_001])
def test_the_way_for_the_cpu_picks_the_tokens_of_the_way_for_all_devices(vocabulary: int) -> None:
    scores = torch.randn(6, vocabulary, generator=torch.Generator().manual_seed(1)) * 4
    scores[3, 1:] = float("-inf")  # as by a grammar
    scores[4, ::3] = float("-inf")
    scores[5, :] = 0.0  # ties
    seeds = torch.tensor([0, 1, 2**32 - 1, 7, 8, 9])
    for how in (
        Sampling(0.7, 0.95, 50, 1.1),
        Sampling(0.2, 0.9, 0, 1.0),
        Sampling(1.5, 0.999, 0, 1.0, 0.01),
        Sampling(1.0, 1.0, 40, 1.0, 0.05),
    ):
        for step in range(20):
            picked = pick(scores, seeds, step, how)
            # Which of the last row's equal tokens are left out is open.
            expected = pick_with_torch(scores[:5], seeds[:5], step, how)
            assert torch.equal(picked[:5], expected)
            alone = [pick(scores[n : n + 1], seeds[n : n + 1], step, how) for n in range(6)]
            assert torch.equal(torch.cat(alone), picked)


@pytest.mark.parametrize("vocabulary", [3, 40, 130, 50_001])
def test_the_way_without_torch_picks_the_tokens_of_the_way_with_it(vocabulary: int) -> None:
    scores = torch.randn(5, vocabulary, generator=torch.Generator().manual_seed(2)) * 2
    scores[3, 1:] = float("-inf")
    scores[4, ::3] = float("-inf")
    seeds = torch.tensor([0, 1, 2**32 - 1, 7, 8])
    for how in (
        Sampling(0.0, 1.0, 0, 1.0),
        Sampling(0.7, 0.95, 50, 1.1),
        Sampling(1.0, 1.0, 0, 1.0),
        Sampling(1.3, 1.0, 0, 1.0, 0.02),
        Sampling(2.0, 0.99, 0, 1.0),
        Sampling(2.0, 0.97, 0, 1.0, 0.01),
    ):
        for step in range(12):
            found = sampling.pick(scores.numpy(), seeds.numpy(), step, how)
            assert found.tolist() == pick(scores, seeds, step, how).tolist()


def test_what_was_seen_is_penalised_without_torch_as_with_it() -> None:
    prompts = [[3, 5, 3], [7], [1, 2, 3, 4, 5]]
    scores = torch.randn(3, 40, generator=torch.Generator().manual_seed(4))
    with_torch, without = SeenTokens(prompts, 4, "cpu"), sampling.SeenTokens(prompts, 4)
    found = scores.clone()
    for kept, tokens in (([2, 0, 1], [8, 9, 1]), ([0, 2], [6, 7, 8])):
        with_torch.add(torch.tensor(tokens))
        without.add(np.array(tokens))
        with_torch.keep(torch.tensor(kept))
        without.keep(kept)
        found = found[: len(kept)]
        expected = found.clone()
        with_torch.penalise(expected, 1.3)
        without.penalise(found.numpy(), 1.3)
        assert torch.equal(found, expected)


def test_the_penalty_is_that_of_transformers() -> None:
    scores = logits()
    seen = SeenTokens([[3, 5, 3]], 4, "cpu")
    seen.add(torch.tensor([8]))
    found = scores.clone()
    seen.penalise(found, 1.4)
    ids = torch.tensor([[3, 5, 3, 8]])
    assert torch.equal(found, RepetitionPenaltyLogitsProcessor(1.4)(ids, scores.clone()))


def test_temperature_zero_takes_the_most_likely_token() -> None:
    scores = logits()
    assert pick(scores, torch.tensor([1]), 0, Sampling(0.0, 0.1, 1, 1.0)) == scores.argmax()


def test_noise_is_gumbel_distributed_and_depends_on_seed_position_and_token() -> None:
    seeds, tokens = torch.arange(400), torch.arange(500).expand(400, -1)
    noise = gumbel_noise(seeds, 0, tokens)
    assert noise.isfinite().all()
    # Euler's constant and pi squared over six: mean and variance of the distribution.
    assert abs(noise.mean() - 0.5772) < 0.01
    assert abs(noise.var() - 1.6449) < 0.03
    for other in (gumbel_noise(seeds + 1, 0, tokens), gumbel_noise(seeds, 1, tokens)):
        together = torch.stack([noise.flatten(), other.flatten()])
        assert abs(torch.corrcoef(together)[0, 1]) < 0.01
    assert torch.equal(noise[9:10, 40:50], gumbel_noise(seeds[9:10], 0, tokens[9:10, 40:50]))


def test_the_largest_seed_works() -> None:
    noise = gumbel_noise(torch.tensor([2**32 - 1]), 32_767, torch.arange(200_000)[None])
    assert noise.isfinite().all()
    assert noise.unique().numel() > 199_990

"""The recipe of the starter image model: the parts that are constructed, not trained."""

from __future__ import annotations

import torch

from starter_recipe import (
    denoiser,
    encoder,
    flow,
    layout,
    lookup,
    patches,
    reader,
    tokens,
    training,
)

# For networks this small, several threads cost more than they gain.
torch.set_num_threads(1)

THINGS = 6
WORDS = 120


def _lookup() -> lookup.Lookup:
    """Return a small picture table: three terms a patch, one shared by the Fluent styles."""
    generator = torch.Generator().manual_seed(1)

    def rand(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    width = patches.CODE_DIM + 1
    units = []
    for patch in range(patches.PATCHES):
        units.append(
            lookup.Unit(
                patch,
                lookup.FLUENT,
                0.05 * rand(1, lookup.THING_DIM),
                rand(1, width),
                torch.zeros(width),
            )
        )
        for style in range(5):
            constant = rand(width)
            constant[-1] = 15
            units.append(
                lookup.Unit(
                    patch, (style,), 0.05 * rand(2, lookup.THING_DIM), rand(2, width), constant
                )
            )
    things = rand(lookup.REGIONS, THINGS, lookup.THING_DIM)
    gain = torch.ones(patches.CODE_DIM)
    return lookup.Lookup(things, units, gain, torch.ones(width))


def _reader(thing: int, style: int) -> reader.Reader:
    """Return a reader that names the same thing and style for any words."""
    torch.manual_seed(2)
    model = reader.Reader(WORDS, THINGS)
    with torch.no_grad():
        model.thing.weight.mul_(0.05)
        model.thing.bias.fill_(-9.0)
        model.thing.bias[thing] = 9.0
        model.style.weight.mul_(0.05)
        model.style.bias.fill_(-9.0)
        model.style.bias[style] = 9.0
    return model


def test_the_bert_model_outputs_the_codes_of_the_thing_that_the_reader_names() -> None:
    table = _lookup()
    prefix = list(range(3, 3 + tokens.PREFIX))
    for thing, style in ((2, 0), (4, 3)):
        bert = encoder.pack(_reader(thing, style), table, prefix, unknown=0)
        ids = torch.tensor([[*prefix, 90, 91, 92, 2, 0, 0]])
        mask = (ids != 0).long()
        got = bert(input_ids=ids, attention_mask=mask).last_hidden_state
        codes = table.codes(style)[thing][None]
        want = denoiser.encoder_states(codes, torch.tensor([style]))
        mine = got[:, lookup.REGIONS + 1 : tokens.PREFIX]
        assert float((mine - want).norm() / want.norm()) < 0.04
        null = layout.rotation() @ layout.null_context()
        rest = got[:, [0, 5, tokens.PREFIX, tokens.PREFIX + 1]]
        assert float((rest - null).norm(dim=-1).max() / null.norm()) < 0.2


def test_the_reader_and_the_bert_model_have_the_same_attention_output() -> None:
    table = _lookup()
    model = _reader(1, 1)
    with torch.no_grad():
        model.query.weight.mul_(40)  # as far apart as the scores of a trained reader
    prefix = list(range(3, 3 + tokens.PREFIX))
    bert = encoder.pack(model, table, prefix, unknown=0)
    ids = torch.tensor([[*prefix, 90, 91, 92, 2]])
    layer = bert.encoder.layer[0]
    state = bert.embeddings(input_ids=ids)
    attended = layer.attention(state, None)[0] @ layout.rotation()
    want = model.gather(ids[:, tokens.PREFIX :], torch.ones(1, 4))[0, :, : reader.WORD_DIM]
    got = attended[0, [0, lookup.REGIONS], : reader.WORD_DIM]
    # Rounding to fp16 moves the attention scores by about one, which is little beside them.
    assert float((got - want).norm() / want.norm()) < 0.1
    patch = slice(lookup.REGIONS + 1, tokens.PREFIX)
    assert torch.allclose(attended[:, patch], (state @ layout.rotation())[:, patch], atol=0.03)


def test_the_bert_model_names_the_same_things_as_the_reader() -> None:
    model = _reader(1, 1)
    with torch.no_grad():
        model.thing.weight.mul_(20)  # so that the words decide
        model.thing.bias.zero_()
    prefix = list(range(3, 3 + tokens.PREFIX))
    bert = encoder.pack(model, _lookup(), prefix, unknown=0)
    ids = torch.tensor([[*prefix, 90, 91, 92, 2], [*prefix, 93, 2, 0, 0]])
    mask = (ids != 0).long()
    with torch.no_grad():
        want = model(ids[:, tokens.PREFIX :], mask[:, tokens.PREFIX :])[0]
        got = encoder.names_read(bert, ids, mask, THINGS)
    # Rounding to fp16 moves the attention scores by about one, which is little for trained words.
    assert float((got - want).norm() / want.norm()) < 0.25
    assert float((want[0] - want[1]).norm() / want.norm()) > 0.5


def test_dense_maps_and_units_agree() -> None:
    table = _lookup()
    maps, constants, order = table.dense()
    flat = table.things[3] @ maps[2, 3] + constants[2, 3]
    got = flat.unflatten(1, (-1, patches.CODE_DIM + 1))
    assert torch.allclose(got, table.codes(2)[:, order[3]], atol=1e-3)


def test_cutting_and_joining_patches_is_lossless() -> None:
    pictures = torch.rand(2, 3, 128, 128)
    assert torch.equal(patches.join(patches.cut(pictures)), pictures)


def random_codes(count: int) -> tuple[patches.PatchBasis, lookup.Scale, torch.Tensor]:
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(patches.PATCH_DIM, patches.AXES)).Q.T
    basis = patches.PatchBasis(torch.zeros(patches.PATCH_DIM), axes, torch.ones(patches.AXES))
    coefficients = torch.randn(count, patches.PATCHES, patches.CODE_DIM)
    return basis, lookup.Scale.fit(basis, coefficients), coefficients


def test_an_untrained_denoiser_decodes_the_codes() -> None:
    basis, scale, coefficients = random_codes(4)
    model = denoiser.new_denoiser(basis, scale)
    states = denoiser.encoder_states(scale.to_sphere(coefficients), torch.tensor([0, 1, 2, 3]), 3)

    def draw(noisy: torch.Tensor, level: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = model(noisy, level, words, return_dict=False)[0]
        return found

    drawn = flow.sample(draw, states, torch.randn(4, 3, 128, 128), 3)
    assert torch.allclose(drawn, basis.decode(coefficients), atol=0.05)


def test_only_the_free_head_of_the_first_block_gets_gradients() -> None:
    basis, scale, coefficients = random_codes(2)
    model = denoiser.new_denoiser(basis, scale)
    denoiser.free_head_only(model)
    # Its output is zero at first, so its queries and keys would get no gradient.
    out = model.blocks[0].attention.to_out[0].weight
    with torch.no_grad():
        out[:, denoiser.READING * denoiser.HIDDEN // denoiser.HEADS :] = 0.1 * torch.randn(352, 88)
    states = denoiser.encoder_states(scale.to_sphere(coefficients), torch.tensor([0, 1]))

    drawn = model(torch.randn(2, 3, 128, 128), torch.tensor([0.5, 0.9]), states)[0]
    torch.autograd.backward(flow.loss(drawn, torch.zeros_like(drawn)))

    attention = model.blocks[0].attention
    for gradient, reading in (
        (attention.txt_kv_proj.weight.grad[:352], slice(0, 264)),
        (attention.txt_kv_proj.weight.grad[352:], slice(0, 264)),
        (out.grad.T, slice(0, 264)),
    ):
        assert not gradient[reading].any()
        assert gradient[reading.stop :].any()


def test_tints_change_neither_white_and_grey_nor_pictures_that_are_nearly_noise() -> None:
    colours = torch.tensor([[1.0, 1.0, 1.0], [0.2, 0.2, 0.2], [-1.0, 0.6, 0.1]])
    clean = colours.T[None, :, None].repeat(40, 1, 2, 1)
    level = torch.linspace(0, 1, 40)

    made = flow.tinted(clean, level, 0.5, 3, torch.Generator().manual_seed(0))

    assert torch.allclose(made[..., :2], clean[..., :2], atol=1e-6)
    changed = (made != clean).flatten(1).any(1) & ~torch.isclose(made, clean).all(1).all(1).all(1)
    assert 8 <= int(changed[level < 0.8].sum()) <= 24
    assert not changed[level >= 0.8].any()
    assert not changed[:3].any()
    assert made.min() >= -1 and made.max() <= 1


def test_pictures_begun_by_the_model_itself_have_noise_levels_below_that_of_a_draft() -> None:
    level = flow.noise_levels(2000, 500, torch.Generator().manual_seed(0))

    assert level.min() > 0 and level.max() <= 1
    assert level[:500].max() <= 0.8
    assert 0.65 < float((level[500:] > 0.8).float().mean()) < 0.75


def step(at: int, tall: float, over: int = 1) -> torch.Tensor:
    """Return a picture with a vertical edge: `tall` high, `over` pixels wide, at column `at`."""
    ramp = ((torch.arange(128) - at) / over + 1).clamp(0, 1)
    return (tall * ramp).expand(1, 3, 128, 128)


def stairs(shift: int) -> torch.Tensor:
    """Return bands of 16 pixels, every other one slightly lighter, that begin at `shift`."""
    band = (torch.arange(128) + 128 - shift) // 16 % 2
    return (0.03 * band - 0.015).expand(1, 3, 128, 128)


def test_seams_between_patches_cost_more_where_the_real_picture_is_smooth() -> None:
    smooth = torch.zeros(1, 3, 128, 128)
    assert float(flow.loss(stairs(0), smooth)) > 1.5 * float(flow.loss(stairs(8), smooth))
    busy = step(64, 1.0)
    seam, inside = (float(flow.loss(0.9 * step(at, 1.0), step(at, 1.0))) for at in (64, 63))
    assert abs(seam - inside) < 0.03 * inside
    assert float(flow.loss(busy, busy)) < 1e-6


def test_a_blurred_edge_costs_more_than_its_pixel_errors() -> None:
    crisp = step(60, 1.0)

    def sizes(drawn: torch.Tensor) -> float:
        slopes = (drawn - crisp).diff(dim=3).abs().mean()
        return float((drawn - crisp).abs().mean() + slopes)

    blurred, moved = step(62, 1.0, 5), step(62, 1.0)
    assert sizes(blurred) < sizes(moved)
    assert float(flow.loss(blurred, crisp)) - sizes(blurred) > float(
        flow.loss(moved, crisp)
    ) - sizes(moved)


def test_the_moving_average_follows_quickly_at_first() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    average = training.Average(module, 0.999)
    with torch.no_grad():
        module.weight.fill_(5.0)
    for _ in range(20):
        average.update(module)
    assert abs(float(average.shadow["weight"]) - 5.0) < 0.1


def test_the_margin_prefers_one_name() -> None:
    wanted = torch.tensor([1])
    good = torch.tensor([[-9.0, 9.0, -9.0]])
    two = torch.tensor([[9.0, 9.0, -9.0]])
    assert float(reader.naming_loss(good, wanted, 1.0)) < 0.1
    assert float(reader.naming_loss(two, wanted, 1.0)) > 5

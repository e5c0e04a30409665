"""The same work in a plain script without code of the app: the baseline of the benchmarks.

Started as `python -m tests.benchmarks.baseline KIND MODEL [PICTURE]`. It loads the model, warms it
once, then answers each line on standard input ("COUNT SIZE") with one line of JSON: seconds, and
how many tokens were made.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = dict[str, Any]

_THINGS = ("apple", "bicycle", "rocket", "guitar", "rose", "house", "dragon", "cat", "tree", "fish")
ICONS = [f"{thing}, {style} style" for style in ("3d", "flat", "noto") for thing in _THINGS]
"""Prompts for the image model: each call takes the next one, as the app remembers the last."""

SLOTS = 8
"""Answers that llama.cpp writes at a time."""

PROMPT = "Write a long story about a bicycle repair shop in a small town by the sea."


TEMPERATURE, TOP_P, TOP_K, PENALTY = 0.7, 0.95, 50, 1.1


def text(model: str) -> Callable[[int, int], Answer]:
    """The server of llama.cpp, with `count` answers at a time in its eight slots."""
    from concurrent.futures import ThreadPoolExecutor

    import psutil
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(model).glob("*.gguf")))
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * 1024
    parameters.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1
    server = xllamacpp.Server(parameters)
    turns = [{"role": "user", "content": PROMPT}]
    pool = ThreadPoolExecutor(SLOTS)

    def answer(seed: int, size: int) -> int:
        reply = server.handle_chat_completions(
            {
                "messages": turns,
                "max_tokens": size,
                "seed": seed,
                "temperature": TEMPERATURE,
                "top_p": TOP_P,
                "top_k": TOP_K,
                "repeat_penalty": PENALTY,
            }
        )
        made: int = reply["usage"]["completion_tokens"]
        return made

    def run(count: int, size: int) -> Answer:
        start = time.perf_counter()
        made = sum(pool.map(answer, range(count), [size] * count))
        return {"seconds": time.perf_counter() - start, "tokens": made}

    return run


def load(model: str) -> Callable[[int, int], Answer]:
    """Load the model anew with llama.cpp; where `size` is not 0, read as many tokens."""
    import psutil
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(model).glob("*.gguf")))
    parameters.n_parallel = 1
    parameters.n_ctx = 8192
    parameters.warmup = False
    parameters.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1

    def run(_count: int, size: int) -> Answer:
        start = time.perf_counter()
        server = xllamacpp.Server(parameters)
        if size:
            tokens = [1000 + number % 20_000 for number in range(size)]
            start = time.perf_counter()
            server.handle_completions({"prompt": tokens, "n_predict": 1, "cache_prompt": False})
        return {"seconds": time.perf_counter() - start, "tokens": size}

    return run


def turns(model: str) -> Callable[[int, int], Answer]:
    """Read the tokens from `count` to `size` of a conversation, after those that were read."""
    import psutil
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(next(Path(model).glob("*.gguf")))
    parameters.n_parallel = 1
    parameters.n_ctx = 8192
    parameters.warmup = False
    parameters.cpuparams.n_threads = psutil.cpu_count(logical=False) or 1
    server = xllamacpp.Server(parameters)

    def run(count: int, size: int) -> Answer:
        start = time.perf_counter()
        tokens = [1000 + number % 20_000 for number in range(size)]
        server.handle_completions({"prompt": tokens, "n_predict": 1, "cache_prompt": True})
        return {"seconds": time.perf_counter() - start, "tokens": size - count}

    return run


def image(model: str) -> Callable[[int, int], Answer]:
    """Plain pipeline call as the model's card shows it, saved as PNG. `size`: number of steps."""
    import tempfile

    import torch
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    folder = Path(tempfile.mkdtemp())
    prompts = itertools.cycle(ICONS)

    def run(count: int, size: int) -> Answer:
        start = time.perf_counter()
        for number in range(count):
            picture = pipe(
                next(prompts),
                height=128,
                width=128,
                num_inference_steps=size,
                guidance_scale=1.0,
                use_resolution_binning=False,
                generator=torch.Generator().manual_seed(number),
            ).images[0]
            picture.save(folder / f"{number}.png")
        return {"seconds": time.perf_counter() - start, "tokens": 0}

    return run


def upscale(model: str, picture: str) -> Callable[[int, int], Answer]:
    """The whole picture in one call of the network, saved as PNG."""
    import tempfile

    import numpy as np
    import torch
    from PIL import Image
    from spandrel import ModelLoader

    weights = next(Path(model).glob("*.pth"))
    network = ModelLoader().load_from_file(weights).eval()
    half = torch.cpu._is_avx512_bf16_supported()
    target = Path(tempfile.mkdtemp()) / "out.png"

    def run(_count: int, size: int) -> Answer:
        start = time.perf_counter()
        pixels = np.asarray(Image.open(picture).convert("RGB").crop((0, 0, size, size)))
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            large = network(tensor)
        array = (large[0].float().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(array).save(target)
        return {"seconds": time.perf_counter() - start, "tokens": 0, "path": str(target)}

    return run


SPOKEN_TEXT = (
    "The workshop opens at nine, and the first visitors are already waiting at the door. Today "
    "they learn how a small machine reads a text aloud.\n\nEvery sentence becomes a row of "
    "sounds, and every sound becomes a short piece of a wave. When all pieces are joined, nobody "
    "hears where one ends and the next begins."
)
SPOKEN = (
    "ðə wˈɜɹkʃˌɑp ˈOpᵊnz æt nˈIn, ænd ðə fˈɜɹst vˈɪzəɾəɹz ɑɹ ˌɔlɹˈɛdi wˈAɾɪŋ æt ðə dˈɔɹ."
    " tədˈA ðA lˈɜɹn hˌW ɐ smˈɔl məʃˈin ɹˈidz ɐ tˈɛkst əlˈWd.",
    "ˈɛvəɹi sˈɛntᵊns bəkˈʌmz ɐ ɹˈO ʌv sˈWndz, ænd ˈɛvəɹi sˈWnd bəkˈʌmz ɐ ʃˈɔɹt pˈis ʌv ɐ wˈAv.",
    "wˌɛn ˈɔl pˈisᵻz ɑɹ ʤˈYnd, nˈObˌɑdi hˈɪɹz wˌɛɹ wˈʌn ˈɛndz ænd ðə nˈɛkst bəɡˈɪnz.",
)
"""The phonemes of the passages of that text."""


def speech(model: str) -> Callable[[int, int], Answer]:
    """ONNX Runtime with its own settings: one call for each passage, nothing is written."""
    import numpy as np
    import onnxruntime as ort
    import psutil

    folder = Path(model)
    options = ort.SessionOptions()
    options.intra_op_num_threads = psutil.cpu_count(logical=False) or 1
    session = ort.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    numbers = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
    styles = np.fromfile(folder / "voices" / "af_heart.bin", np.float32).reshape(-1, 1, 256)

    def run(_count: int, _size: int) -> Answer:
        start = time.perf_counter()
        for phonemes in SPOKEN:
            tokens = [numbers[each] for each in phonemes]
            session.run(
                None,
                {
                    "tokens": np.array([[0, *tokens, 0]], np.int64),
                    "style": styles[len(tokens)],
                    "speed": np.ones(1, np.float32),
                },
            )
        return {"seconds": time.perf_counter() - start, "tokens": 0}

    return run


def transcribe(model: str, path: str) -> Callable[[int, int], Answer]:
    """faster-whisper with its own cutting at pauses, without chance, with the times of words."""
    import psutil
    from faster_whisper import WhisperModel

    loaded = WhisperModel(
        model,
        device="cpu",
        compute_type="int8_float32",
        cpu_threads=psutil.cpu_count(logical=False) or 1,
        local_files_only=True,
    )

    def run(_count: int, _size: int) -> Answer:
        start, worked = time.perf_counter(), time.process_time()
        segments, _ = loaded.transcribe(
            path,
            language="en",
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=True,
        )
        words = sum(len(segment.words or ()) for segment in segments)
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        return {"seconds": seconds, "processor": worked, "tokens": words}

    return run


def video(upscaler: str, interpolator: str, path: str) -> Callable[[int, int], Answer]:
    """PyAV, spandrel and the same flow network, one step after the other; "-" for no model."""
    import av
    import numpy as np
    import psutil
    import torch

    from studio.engine.tasks.video.models.rife import Rife, mixed

    torch.set_num_threads(psutil.cpu_count(logical=False) or 1)
    model: Any = None
    if upscaler != "-":
        import spandrel

        model = spandrel.ModelLoader().load_from_file(next(Path(upscaler).glob("*.pth"))).eval()
    half = torch.cpu._is_avx512_bf16_supported()
    rife = Rife().eval()
    if interpolator != "-":
        path_of_weights = next(Path(interpolator).glob("*.pth"))
        weights = torch.load(path_of_weights, map_location="cpu", weights_only=True)
        known = rife.state_dict()
        plain = {name.removeprefix("module."): value for name, value in weights.items()}
        rife.load_state_dict({name: value for name, value in plain.items() if name in known})

    def planes(frame: Any) -> torch.Tensor:
        return torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255

    def enlarged(frame: torch.Tensor) -> torch.Tensor:
        if model is None:
            return frame
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            large: torch.Tensor = model(frame)
        return large.float().clamp(0, 1)

    def between(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        _, _, height, width = one.shape
        room = (0, -width % 128, 0, -height % 128)
        pair = [torch.nn.functional.pad(each, room, mode="replicate") for each in (one, other)]
        return mixed(*pair, *rife(*pair, 0.5))[..., :height, :width]

    def run(_count: int, _size: int) -> Answer:
        start, worked = time.perf_counter(), time.process_time()
        with torch.inference_mode(), av.open(path) as source:
            target = av.open(path + ".baseline.mp4", "w")
            stream: Any = target.add_stream("libsvtav1", rate=24, options={"preset": "8"})
            stream.pix_fmt = "yuv420p"
            before: torch.Tensor | None = None
            for frame in source.decode(video=0):
                large = enlarged(planes(frame.to_ndarray(format="rgb24")))
                made = [large]
                if before is not None and interpolator != "-":
                    made.insert(0, between(before, large))
                before = large
                for each in made:
                    if stream.height != each.shape[2]:
                        stream.height, stream.width = each.shape[2:]
                    pixels = (each[0] * 255).round().byte().permute(1, 2, 0).numpy()
                    shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
                    target.mux(stream.encode(shown))
            target.mux(stream.encode(None))
            target.close()
        Path(path + ".baseline.mp4").unlink()
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        return {"seconds": seconds, "processor": worked, "tokens": 0}

    return run


def main() -> None:
    """Answer lines of standard input until it ends."""
    kinds: dict[str, Callable[..., Callable[[int, int], Answer]]] = {
        "text": text,
        "load": load,
        "turns": turns,
        "image": image,
        "upscale": upscale,
        "speech": speech,
        "transcribe": transcribe,
        "video": video,
    }
    run = kinds[sys.argv[1]](*sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        count, size = map(int, line.split())
        print(json.dumps(run(count, size)), flush=True)


if __name__ == "__main__":
    main()

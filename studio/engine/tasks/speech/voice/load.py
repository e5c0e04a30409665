"""Loads the network of a voice model and speaks phonemes with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from msgspec import Struct

from studio.engine.local.devices import Device
from studio.engine.local.environment import physical_cores
from studio.engine.local.job import Job
from studio.engine.local.memory import MemoryArbiter, model_key
from studio.engine.tasks.speech.voice.graph_outputs import with_output
from studio.formats.voices import VOICE_FLOATS, VoiceFiles, find_voice_files, read_vocabulary
from studio.protocol import ModelRef, problem, sentence

Samples: TypeAlias = npt.NDArray[np.float32]

RATE = 24_000
FRAME = 600
"""Samples of one unit of the durations."""
MOST_TOKENS = 500
"""Phonemes that the network takes at a time."""
_DURATIONS = "/encoder/Clip_output_0"
"""The value in the graph with the length of each phoneme, in frames."""
_CHECK_SECONDS = 0.1
_FATAL = 4
"""Log severity of ONNX Runtime: what it says otherwise is in the errors it raises."""


class Utterance(Struct, frozen=True):
    """Samples, and the length of each phoneme in samples, with silence before and after.

    `lengths` is None if the network does not tell.
    """

    samples: Samples
    lengths: npt.NDArray[np.int64] | None


class VoiceModel:
    """A loaded network and its voices."""

    def __init__(self, name: str, files: VoiceFiles, network: bytes) -> None:
        self.name = name
        self._files = files
        self._vocabulary = read_vocabulary(files.vocabulary)
        self._session: Any = _session(network)
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._has_lengths = len(self._session.get_outputs()) > 1
        self._styles: dict[str, Samples] = {}
        self._nbytes = 2 * len(network)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights, as they are held."""
        return self._nbytes

    def unload(self) -> None:
        """Release the network."""
        self._session = None

    def tokens(self, phonemes: str) -> list[int]:
        """Return the numbers of the phonemes that the network knows."""
        return [self._vocabulary[sound] for sound in phonemes if sound in self._vocabulary]

    def speak(self, tokens: list[int], voice: str, speed: float, job: Job) -> Utterance:
        """Return the samples of phonemes. Raises `JobCancelledError` soon after it is cancelled."""
        style = self._style(voice)[min(len(tokens), len(self._style(voice)) - 1)]
        given = {
            self._inputs[0]: np.array([[0, *tokens, 0]], np.int64),
            self._inputs[1]: style.reshape(1, -1),
            self._inputs[2]: np.array([speed], np.float32),
        }
        options = ort.RunOptions()
        options.log_severity_level = _FATAL
        with _ended_on_cancel(job, options):
            try:
                found = self._session.run(None, given, options)
            except Exception:
                job.check()
                raise
        samples = np.asarray(found[0], np.float32).reshape(-1)
        if not self._has_lengths:
            return Utterance(samples, None)
        frames = np.asarray(found[1]).reshape(-1)
        return Utterance(samples, np.rint(frames * FRAME).astype(np.int64))

    def _style(self, voice: str) -> Samples:
        if voice not in self._styles:
            file = next(file for file in self._files.voices if file.stem == voice)
            floats = np.fromfile(file, np.float32)
            if floats.size != VOICE_FLOATS or not np.isfinite(floats).all():
                raise problem(
                    "model_broken",
                    "The voice {voice} of {name} is damaged. Install the model again.",
                    voice=voice,
                    name=self.name,
                )
            self._styles[voice] = floats.reshape(-1, 256)
        return self._styles[voice]


def acquire_voice(ref: ModelRef, job: Job, memory: MemoryArbiter, _device: Device) -> VoiceModel:
    """Return the loaded model. Raises `ProblemError` or `JobCancelledError`."""
    folder = Path(ref.path)
    files = find_voice_files(folder)
    if files is None:
        raise problem(
            "model_broken",
            "Files of the voice {name} are missing. Install the model again.",
            name=ref.name,
        )
    found = files
    job.loading(sentence("Loading {model}", model=ref.name))

    def load() -> VoiceModel:
        try:
            return VoiceModel(ref.name, found, found.network.read_bytes())
        except MemoryError:
            raise
        except Exception as error:  # ONNX Runtime has its own types, derived from none in common
            raise problem(
                "model_broken",
                "The voice {name} cannot be loaded: its file {file} is damaged or of another kind."
                " Install the model again.",
                str(error),
                name=ref.name,
                file=found.network.name,
            ) from error

    need = 4 * found.network.stat().st_size
    return memory.acquire(model_key(folder, "voice"), need, load, job)


def _session(network: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = physical_cores()
    options.log_severity_level = _FATAL
    # Waiting threads take the time of others, of which there are many between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers = ["CPUExecutionProvider"]
    try:
        whole = with_output(network, _DURATIONS)
        return ort.InferenceSession(whole, options, providers=providers)
    except Exception:
        # A network of another export, or none at all: the second attempt says which.
        return ort.InferenceSession(network, options, providers=providers)


@contextmanager
def _ended_on_cancel(job: Job, options: Any) -> Iterator[None]:
    """End the call of a network early when the job is cancelled."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_CHECK_SECONDS):
            if job.is_cancelled:
                options.terminate = True
                return

    thread = threading.Thread(target=watch, name="speech-cancel", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

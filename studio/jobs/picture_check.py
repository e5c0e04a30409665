"""Whether a file is a picture that can be read: looked at before a job is made of it."""

from __future__ import annotations

import warnings
from pathlib import Path

from studio.protocol import Problem, Sentence, sentence

_DECODED_PIXELS = 50_000_000
"""Of larger pictures only the head is looked at, so that looking stays light."""


def picture_problem(path: Path) -> Problem | None:
    """Return why a file cannot be enlarged or started from; None where nothing is wrong.

    A PNG's checksums are read, other pictures are decoded as coarsely as their format allows.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if image.format == "PNG":
                    image.verify()
                elif image.width * image.height <= _DECODED_PIXELS:
                    # Only JPEG has a coarse way; the others decode whole.
                    image.draft(None, (1, 1))
                    image.load()
    except Image.DecompressionBombError:
        return None  # The engine has its own say about size.
    except FileNotFoundError as error:
        return _bad(
            sentence(
                "The picture {name} is no longer at {path}. Choose it again.",
                name=path.name,
                path=path,
            ),
            error,
        )
    except (PermissionError, IsADirectoryError) as error:
        return _bad(
            sentence(
                "{name} cannot be opened. Check that it is a file and that you have permission to"
                " read it.",
                name=path.name,
            ),
            error,
        )
    except UnidentifiedImageError as error:
        return _bad(
            sentence(
                "{name} is not a picture that can be read. Use PNG, JPEG, WebP, TIFF, AVIF, GIF or"
                " BMP.",
                name=path.name,
            ),
            error,
        )
    except MemoryError:
        return None
    except Exception as error:
        # Decoders answer damage with whatever error is nearest.
        return _bad(
            sentence(
                "{name} is damaged or incomplete and cannot be read. Get another copy of it.",
                name=path.name,
            ),
            error,
        )
    return None


def _bad(message: Sentence, error: Exception) -> Problem:
    return Problem("bad_input", message, f"{type(error).__name__}: {error}")

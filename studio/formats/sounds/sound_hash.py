"""A hash of the sound or the moving pictures in a file, without the metadata around them.

The metadata differs from run to run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from studio.formats.pictures.embedded import HEAD
from studio.formats.sounds import flac, mp3, ogg, wav
from studio.formats.untrusted_files import open_regular
from studio.formats.videos import matroska, mp4


def sound_hash(path: Path) -> str:
    """Return the SHA-256 of the encoded content in hex, "" for a file of another format.

    Raises `OSError`.
    """
    with open_regular(path) as file:
        head = file.read(HEAD)
        file.seek(0)
        for form in (wav, flac, ogg, mp3, mp4, matroska):
            if form.recognises(head):
                digest = hashlib.sha256()
                for part in form.sound(file):
                    digest.update(part)
                return digest.hexdigest()
    return ""

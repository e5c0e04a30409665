"""The texts in which other programs store the settings of a picture, by PNG keyword.

JPEG and WebP have one such text, the UserComment in EXIF, for what is `parameters` in PNG.
"""

from __future__ import annotations

import contextlib
from typing import BinaryIO

from studio.formats.pictures import a1111, exif, jpeg, png, webp
from studio.formats.pictures.embedded import HEAD

COMFY_GRAPH, COMFY_WORKFLOW = "prompt", "workflow"
NOVEL_DESCRIPTION, NOVEL_SOURCE, NOVEL_COMMENT = "Description", "Source", "Comment"
INVOKE_METADATA, INVOKE_OLD, INVOKE_OLDEST = "invokeai_metadata", "sd-metadata", "Dream"
_KEYWORDS = (
    a1111.PARAMETERS,
    COMFY_GRAPH,
    COMFY_WORKFLOW,
    NOVEL_DESCRIPTION,
    NOVEL_SOURCE,
    NOVEL_COMMENT,
    INVOKE_METADATA,
    INVOKE_OLD,
    INVOKE_OLDEST,
)


def read_foreign_texts(file: BinaryIO) -> dict[str, str]:
    """Return the texts in a picture file, none if it is damaged or of another format.

    Reads a bounded part of the file. Raises `OSError`.
    """
    head = file.read(HEAD)
    file.seek(0)
    texts: dict[str, str] = {}
    block = b""
    if png.recognises(head):
        with contextlib.suppress(png.PngError):
            texts = png.read_texts(file, _KEYWORDS)
        if not texts:
            file.seek(0)
            block = png.read_exif(file)
    elif jpeg.recognises(head):
        block = jpeg.read_exif(file)
    elif webp.recognises(head):
        block = webp.read_exif(file)
    if block and (comment := exif.user_comment(block)):
        texts[a1111.PARAMETERS] = comment
    return texts

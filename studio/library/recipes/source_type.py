"""The IPTC source type in XMP: https://cv.iptc.org/newscodes/digitalsourcetype/."""

from __future__ import annotations

import re

from studio.formats import a1111, xmp
from studio.formats.embedded import Embedded
from studio.kinds.requests import inputs_of
from studio.protocol import Request

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = f"{_TERMS}trainedAlgorithmicMedia"
"""Created by a trained model from nothing but a prompt."""
ENHANCED = f"{_TERMS}compositeWithTrainedAlgorithmicMedia"
"""Existing media that a trained model changed. An upscaler invents detail, so this is it."""


def source_type(request: Request, *, input_is_generated: bool) -> str:
    """Return the IPTC term for a result.

    What a model made stays so when it is enlarged or varied; a photograph becomes a composite.
    """
    return ENHANCED if inputs_of(request) and not input_is_generated else GENERATED


def says_generated(embedded: Embedded) -> bool:
    """Tell whether what a picture carries (XMP, `parameters`) says that a model made it."""
    parameters = embedded.texts.get(a1111.PARAMETERS, "")
    return GENERATED in embedded.packet or "Steps: " in parameters


def with_source(packet: str, term: str) -> str:
    """Return the XMP packet with the source type in it; the rest of an old packet is kept."""
    if _TERMS in packet:
        return re.sub(re.escape(_TERMS) + r"\w+", term, packet)
    return xmp.with_value(packet, xmp.SOURCE, xmp.SOURCE_NAMESPACE, term)

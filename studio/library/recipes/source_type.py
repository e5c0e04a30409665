"""The IPTC digital source type in XMP: https://cv.iptc.org/newscodes/digitalsourcetype/."""

from __future__ import annotations

import re

from studio.formats.pictures import a1111, xmp
from studio.formats.pictures.embedded import Embedded
from studio.kinds.registry import kind_if_known
from studio.kinds.requests import input_files
from studio.protocol import Request

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GENERATED = f"{_TERMS}trainedAlgorithmicMedia"
"""Created by a trained model from a prompt."""
ENHANCED = f"{_TERMS}compositeWithTrainedAlgorithmicMedia"
"""Existing media modified by a trained model, including upscaling, since it invents detail."""

COMPOSITE = f"{_TERMS}composite"
"""Put together from media none of which is known to be generated, without a model."""


def source_type(request: Request, *, input_is_generated: bool) -> str:
    """Return the IPTC term for a result.

    Results made from generated media remain `GENERATED`; others with an input are `ENHANCED`, or
    `COMPOSITE` if no model had a part in them.
    """
    if input_is_generated or not input_files(request):
        return GENERATED
    return ENHANCED if uses_models(request) else COMPOSITE


def uses_models(request: Request) -> bool:
    """Return whether models make the result of a request, not only put files together."""
    kind = kind_if_known(request)
    return kind is None or bool(kind.models_of(request))


def is_generated(embedded: Embedded) -> bool:
    """Return whether a picture's metadata (XMP, `parameters`) declares it as generated."""
    parameters = embedded.texts.get(a1111.PARAMETERS, "")
    return GENERATED in embedded.packet or "Steps: " in parameters


def with_source(packet: str, term: str) -> str:
    """Return the XMP packet with the source type set and all other content kept."""
    if _TERMS in packet:
        return re.sub(re.escape(_TERMS) + r"\w+", term, packet)
    return xmp.with_value(packet, xmp.SOURCE, xmp.SOURCE_NAMESPACE, term)

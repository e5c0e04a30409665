"""Read and set simple properties in XMP packets, treated as text.

Untrusted packets are not passed to an XML parser, which rules out entity expansion and external
references. Programs may rewrite properties as attributes or as elements; both forms are read.
Format: https://github.com/adobe/XMP-Toolkit-SDK/tree/main/docs (part 1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape

from studio.formats.pictures.embedded import Embedded

KEYWORD = "XML:com.adobe.xmp"
"""Keyword of the PNG text with the packet."""
RECIPE = "PromptStudio:Recipe"
RECIPE_NAMESPACE = "urn:prompt-studio:xmp:1/"
SOURCE = "Iptc4xmpExt:DigitalSourceType"
SOURCE_NAMESPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
AIGC = "TC260:AIGC"
AIGC_NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_QUOTES = str.maketrans({'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
# XML 1.0 cannot represent these, not even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def value_of(packet: str, name: str) -> str:
    """Return a simple property by its prefixed name, "" if there is none."""
    found = _span(packet, name)
    return unescape(packet[found[0] : found[1]]) if found else ""


def with_value(packet: str, name: str, namespace: str, value: str) -> str:
    """Return the packet with a property set; a new packet if `packet` is empty.

    A packet that cannot be extended is returned unchanged. Characters that XML does not allow are
    removed from `value`.
    """
    text = escape(_FORBIDDEN.sub("", value), quote=False).translate(_QUOTES)
    found = _span(packet, name)
    if found:
        return f"{packet[: found[0]]}{text}{packet[found[1] :]}"
    prefix = name.partition(":")[0]
    description = (
        f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about="" xmlns:{prefix}="{namespace}" '
        f'{name}="{text}"/>'
    )
    end = packet.rfind("</rdf:RDF>")
    if end >= 0:
        return f"{packet[:end]}{description}\n{packet[end:]}"
    if packet.strip():
        return packet
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f'<rdf:RDF xmlns:rdf="{_RDF}">\n'
        f"{description}\n"
        "</rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    )


def with_recipe(packet: str, recipe: str) -> str:
    """Return the packet with a recipe (JSON) in it, unchanged if it cannot be extended."""
    return with_value(packet, RECIPE, RECIPE_NAMESPACE, recipe)


def packet_of(embedded: Embedded) -> str:
    """Return the packet of a file with recipe and label in it.

    A packet of another program that cannot be extended is replaced.
    """
    recipe = _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", embedded.recipe)
    for packet in (embedded.packet, ""):
        if embedded.label:
            packet = with_value(packet, AIGC, AIGC_NAMESPACE, embedded.label)
        whole = with_recipe(packet, recipe)
        if value_of(whole, RECIPE) == recipe:
            break
    return whole


def embedded_in(packets: Sequence[str]) -> Embedded:
    """Return the metadata in a file's packets: the main packet first, then extended packets."""
    if not packets:
        return Embedded()
    recipes = (value_of(packet, RECIPE) for packet in packets)
    return Embedded(
        recipe=next((recipe for recipe in recipes if recipe), ""),
        packet=packets[0],
        label=value_of(packets[0], AIGC),
    )


def _span(packet: str, name: str) -> tuple[int, int] | None:
    """Return start and end of the escaped value of a property's first occurrence."""
    start = packet.find(f"<{name}>")
    if start >= 0:
        start += len(name) + 2
        end = packet.find(f"</{name}>", start)
        return (start, end) if end >= 0 else None
    match = re.search(rf"\s{re.escape(name)}\s{{0,9}}=\s{{0,9}}([\"'])", packet)
    if match is None:
        return None
    end = packet.find(match[1], match.end())
    return (match.end(), end) if end >= 0 else None

"""The implicit label of China's GB 45438-2025: a note in the file that a machine made it.

Seven fields as JSON (annex E of the standard), in XMP under the namespace that TC260-PG-20258A
gives. "Label" 1 means that the content is generated; the fields of whoever passes it on, and
those for signatures, are left empty.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

FALLBACK_PRODUCER = "Prompt Studio"


class AigcLabel(Struct, frozen=True):
    """Who is named as the producer of what is made: a name, or the code of a service."""

    producer: str = FALLBACK_PRODUCER

    def over(self, old: str, number: str) -> str:
        """Return the label's JSON for a result. The label of another producer is kept.

        `number` is what the producer calls this result by.
        """
        if old and _producer(old) not in ("", self.producer):
            return old
        fields = {
            "Label": "1",
            "ContentProducer": self.producer,
            "ProduceID": number,
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        }
        return msgspec.json.encode(fields).decode()


def _producer(label: str) -> str:
    try:
        fields = msgspec.json.decode(label, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return ""
    return str(fields.get("ContentProducer", ""))

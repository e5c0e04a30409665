"""The implicit label of GB 45438-2025, China's metadata standard for generated content.

Seven fields as JSON (annex E of the standard), in XMP under the namespace of TC260-PG-20258A.
"Label" 1 means that the content is generated. The fields of distributors and for signatures are
left empty.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

FALLBACK_PRODUCER = "Prompt Studio"


class AigcLabel(Struct, frozen=True):
    """Makes labels that name `producer`: a name, or the code of a service."""

    producer: str = FALLBACK_PRODUCER

    def json(self, existing: str, number: str) -> str:
        """Return the label of a result as JSON. An `existing` label of another producer is kept.

        `number` identifies the result to the producer.
        """
        if existing and _producer(existing) not in ("", self.producer):
            return existing
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

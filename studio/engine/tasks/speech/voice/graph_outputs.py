"""Adds a value inside of an ONNX graph to its outputs, without the onnx library.

Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (protobuf): `ModelProto.graph` is
field 7, `GraphProto.output` is field 12, `ValueInfoProto.name` is field 1.
"""

from __future__ import annotations

_GRAPH, _OUTPUT, _NAME = 7, 12, 1
_BYTES = 2
"""The wire type of everything with a length."""
_FIXED = {1: 8, 5: 4}


def with_output(model: bytes, name: str) -> bytes:
    """Return the model with `name` among its outputs. Raises `ValueError` if it is no model."""
    at = 0
    while at < len(model):
        start = at
        key, at = _varint(model, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            _, at = _varint(model, at)
        elif wire in _FIXED:
            at += _FIXED[wire]
        elif wire == _BYTES:
            length, at = _varint(model, at)
            if field == _GRAPH and at + length <= len(model):
                value = _field(_OUTPUT, _field(_NAME, name.encode()))
                graph = model[at : at + length] + value
                return model[:start] + _field(_GRAPH, graph) + model[at + length :]
            at += length
        else:
            break
    raise ValueError("no graph in the model")


def _field(number: int, data: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(data)) + data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("no graph in the model")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)

"""Containers of sound and video that may be opened, for files of anyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FORMATS = (
    "wav w64 aiff au caf flac ogg mp3 aac amr ac3 eac3 dts ape wv tta mov,mp4,m4a,3gp,3g2,mj2"
    " matroska,webm avi asf mpegts mpeg mpegvideo flv gif apng ivf obu h264 hevc m4v rm dv mxf nut"
    " yuv4mpegpipe"
)

READ_OPTIONS = {
    "format_whitelist": _FORMATS.replace(" ", ","),
    "protocol_whitelist": "file",
}
"""FFmpeg's options for opening a file. The containers hold what they play: playlists and lists of
pictures, which are left out, name files or addresses that would be opened."""


def open_container(path: Path | str) -> Any:
    """Open a file to read it; returns PyAV's container. Raises PyAV's errors and `OSError`."""
    import av

    return av.open(str(path), metadata_errors="replace", container_options=READ_OPTIONS)

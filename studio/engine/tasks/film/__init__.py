"""Film: pictures one after the other, with motion, cross-fades, sound and subtitles."""

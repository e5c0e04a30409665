"""Sounds: waveform, playback, and words that are highlighted as they are said."""

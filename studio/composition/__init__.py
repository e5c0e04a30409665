"""How the frames, the sound and the subtitles of a film follow from its shots.

The engine makes films with it, and the window plays storyboards before there is a film.
"""

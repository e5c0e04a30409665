"""Storyboards: a script becomes shots with pictures and voices, and these a film."""

"""Colours, icons, and the language of the person: what every widget is drawn with."""

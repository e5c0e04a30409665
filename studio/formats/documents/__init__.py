"""Documents of a person as text with places: pages, slides, chapters, sections."""

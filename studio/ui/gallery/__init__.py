"""The history dock: results, filters, and the actions on results."""

"""Editing with a model: what it is asked, and its proposal as changes to accept or reject."""

"""The dock with recent results."""

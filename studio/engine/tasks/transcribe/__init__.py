"""Writes down what is said in sounds and videos."""

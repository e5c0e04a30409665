"""The Icons tab."""

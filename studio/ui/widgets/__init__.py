"""Controls that every tab shares, one small module each."""

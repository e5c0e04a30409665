"""The library on screen: results, filters, and what can be done with them."""

"""What the steps of the recipe of the vector icon model share."""

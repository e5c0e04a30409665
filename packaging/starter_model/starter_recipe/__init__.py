"""The recipe that made the starter image model: data, training, export and evaluation."""

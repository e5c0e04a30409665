"""What text models need besides their weights: chat templates and context windows."""

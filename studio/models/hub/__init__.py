"""The model hub: addresses, listing, descriptions of repositories, and which files to take."""

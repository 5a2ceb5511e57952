"""The ways that the images are measured against, as the public tutorials go about it."""

"""Launchers for the images, and the demo that runs their entry points without a container."""

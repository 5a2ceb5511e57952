"""Builds, describes and publishes the images; runs on the machine that builds, never inside an image."""

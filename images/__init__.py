"""Builds, describes and publishes the images; nothing of this runs inside them."""

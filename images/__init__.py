"""What builds the images; nothing of this runs inside them."""

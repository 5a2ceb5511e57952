"""Programs that the images are compared with, written as in public tutorials and examples."""

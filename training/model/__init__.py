"""The base model, its LoRA adapters and its loss."""

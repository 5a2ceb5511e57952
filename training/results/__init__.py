"""What a job delivers: the model folder and the report, checked before they are published."""

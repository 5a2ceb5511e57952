"""Launchers for the images (SDK v2, SDK v3, boto3, a pipeline), and the demo, which needs no container."""

"""The inference image: batched text classification on sagemaker-inference and multi-model-server."""

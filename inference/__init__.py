"""The inference image: batched text classification over HTTP, on sagemaker-inference's content types and functions."""

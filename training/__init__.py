"""The training image: fine-tunes a classifier on what processing prepared.

`train` of sagemaker-training calls training.launch:main.
"""

"""The training image: fine-tunes a text classifier with the transformers Trainer.

`train` of sagemaker-training calls training.launch:main.
"""

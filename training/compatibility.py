"""Hyperparameter names of transformers 4 and its examples: renamed, without effect, or refused with what to use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from contract.failures import UserError
from contract.values import convert

# Names of transformers 4, and of its examples, whose value means the same under a new name.
RENAMED = {
    "evaluation_strategy": "eval_strategy",
    "no_cuda": "use_cpu",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "xpu_backend": "ddp_backend",
    "torchdynamo": "torch_compile_backend",
    "include_tokens_per_second": "include_num_input_tokens_seen",
    "text_column_names": "text_column",
    "text_column_name": "text_column",
    "label_column_name": "label_column",
}

# Switches of transformers 4 that became a value of another field: the field, and its value where they are on.
SWITCHES = {
    "group_by_length": ("train_sampling_strategy", "group_by_length"),
    "adafactor": ("optim", "adafactor"),
    "evaluate_during_training": ("eval_strategy", "steps"),
    "use_mps_device": ("use_cpu", "false"),
    "do_regression": ("problem_type", "regression"),
}

# Names that ask for what this image does in any case, by the only value that is taken; published examples set many.
WITHOUT_EFFECT = {
    "overwrite_output_dir": "checkpoints of this job are resumed, others are refused; resume=false begins anew",
    "output_dir": "the model goes to the job's model folder, checkpoints to its checkpoint folder",
    "logging_dir": "logs go to the job's output folder",
    "overwrite_cache": "nothing is cached from job to job",
    "ignore_mismatched_sizes": "a head of another size is replaced in any case",
    "shuffle_train_dataset": "the rows are shuffled in each epoch",
    "use_fast_tokenizer": "tokenizers are fast ones",
    "save_safetensors": "weights are safetensors",
    "do_train": "this image trains",
    "do_eval": "the delivered model is evaluated in any case",
    "do_predict": "a channel test is evaluated in any case",
    "dataloader_pin_memory_device": "memory is pinned for the GPU of the process",
}
# Those of them that may be true as well as false, and those that hold another text.
EITHER = ("overwrite_output_dir", "overwrite_cache", "do_predict")
TEXT = ("output_dir", "logging_dir", "dataloader_pin_memory_device")

# Names that this image does not know, with what to use instead. `False` and none are taken where they turn it off.
INSTEAD = {
    "max_train_samples": "process with --max-rows, or set max_steps",
    "max_eval_samples": "give a smaller channel validation",
    "max_predict_samples": "give a smaller channel test",
    "text_column_delimiter": "join the columns when you process the text, or beforehand",
    "metric_name": "every evaluation has accuracy, f1, precision and recall; choose by metric_for_best_model",
    "train_file": "files go to the channel train",
    "validation_file": "files go to the channel validation",
    "test_file": "files go to the channel test",
    "task_name": "data goes to the channels train, validation and test",
    "dataset_name": "data goes to the channels train, validation and test",
    "dataset_config_name": "data goes to the channels train, validation and test",
    "train_split_name": "data goes to the channels train, validation and test",
    "validation_split_name": "data goes to the channels train, validation and test",
    "test_split_name": "data goes to the channels train, validation and test",
    "remove_splits": "data goes to the channels train, validation and test",
    "remove_columns": "columns other than text_column and label_column are not read",
    "shuffle_seed": "use data_seed",
    "pad_to_max_length": "batches are padded to their longest row; use pad_to_multiple_of",
    "config_name": "the configuration is that of model_name",
    "tokenizer_name": "the tokenizer is that of model_name",
    "cache_dir": "set HF_HOME in the job's environment",
    "token": "set HF_TOKEN in the job's environment",
    "use_auth_token": "set HF_TOKEN in the job's environment",
    "num_labels": "the classes follow from the data",
    "torch_dtype": "weights are trained in fp32; use bf16 or fp16 for the multiplications",
    "dtype": "weights are trained in fp32; use bf16 or fp16 for the multiplications",
    "early_stopping_threshold": "any improvement counts; use early_stopping_patience",
    "trust_remote_code": "code that comes with a model is never run",
    "model_dir": "the platform decides where the model goes; the model to start from is model_name",
    "output_data_dir": "the platform decides where the output goes",
    "training_dir": "the platform decides where channels lie",
    "train_dir": "the platform decides where channels lie",
    "test_dir": "the platform decides where channels lie",
    "preprocessing_num_workers": "text is tokenized on all CPU cores",
    "n_gpus": "use processes_per_host",
    "sharded_ddp": "use fsdp",
    "fsdp_min_num_params": "use fsdp_config",
    "fsdp_transformer_layer_cls_to_wrap": "use fsdp_config",
    "half_precision_backend": "use bf16 or fp16",
    "fp16_backend": "use bf16 or fp16",
    "fp16_opt_level": "use bf16 or fp16",
    "use_ipex": "use bf16",
    "jit_mode_eval": "use torch_compile",
    "tpu_num_cores": "this image is for GPUs and CPUs",
    "tpu_metrics_debug": "this image is for GPUs and CPUs",
    "mp_parameters": "use fsdp",
    "past_index": "classifiers have no past",
    "ray_scope": "use the tuner of SageMaker",
    "split_batches": "per_device_train_batch_size is the rows of each process",
    "dispatch_batches": "each process reads its own rows",
    "include_inputs_for_metrics": "the metrics need the predictions and the labels alone",
    "push_to_hub_model_id": "the model goes to the job's model folder",
    "push_to_hub_organization": "the model goes to the job's model folder",
    "push_to_hub_token": "the model goes to the job's model folder",
}

# Defaults of transformers 4, which its TrainingArguments.to_dict() writes out.
OFF = {
    "half_precision_backend": "auto",
    "fp16_backend": "auto",
    "fp16_opt_level": "o1",
    "past_index": "-1",
    "ray_scope": "last",
    "fsdp_min_num_params": "0",
}

# What people mean by names that no field resembles.
MEANT = {
    "lr": "learning_rate",
    "batch_size": "train_batch_size",
    "per_device_batch_size": "per_device_train_batch_size",
    "num_epochs": "epochs",
    "epoch": "epochs",
    "n_epochs": "epochs",
    "model": "model_name",
    "model_path": "model_name",
    "pretrained_model": "model_name",
    "max_len": "max_length",
    "max_sequence_length": "max_length",
    "patience": "early_stopping_patience",
    "label_smoothing": "label_smoothing_factor",
    "scheduler": "lr_scheduler_type",
    "optimizer": "optim",
    "lora_rank": "lora_r",
    "use_lora": "lora_r",
    "threads": "dataloader_num_workers",
    "num_workers": "dataloader_num_workers",
    "gradient_clipping": "max_grad_norm",
    "accumulation_steps": "gradient_accumulation_steps",
}

log = logging.getLogger(__name__)


def modern(values: Mapping[str, Any], is_known: Callable[[str], bool]) -> dict[str, Any]:
    """`values` without what has no effect, and with the switches of transformers 4 as values of their new fields.

    Args:
        values: hyperparameters by name, as they were given.
        is_known: whether this release of transformers, or this image, still knows a name.

    Raises:
        UserError: a name is of something that this image does not have, or its value asks for what it does not do.
    """
    found: dict[str, Any] = {}
    for spelled, value in values.items():
        name = spelled.replace("-", "_")
        refuse_several_columns(spelled, value)
        if name in WITHOUT_EFFECT:
            refuse_unless_taken(spelled, name, value)
        elif is_known(name):
            found[spelled] = value
        elif name in SWITCHES:
            found |= switched(spelled, *SWITCHES[name], value)
        elif name in INSTEAD:
            refuse_unless_off(spelled, value)
        else:
            found[spelled] = value
    return found


def refuse_several_columns(spelled: str, value: Any) -> None:
    """Raise for text_column_names that names several columns, which the example joins."""
    if spelled == "text_column_names" and "," in str(value):
        raise UserError(
            f"hyperparameter {spelled} is {value!r}, expected one column: join the columns when you process the text, "
            "or beforehand"
        )


def refuse_unless_taken(spelled: str, name: str, value: Any) -> None:
    """Log that the hyperparameter has no effect; raise where its value asks for the opposite of what is done."""
    if name not in TEXT and not convert(value, bool, f"hyperparameter {spelled}") and name not in EITHER:
        raise UserError(f"hyperparameter {spelled} is {value!r}, expected true: {WITHOUT_EFFECT[name]}")
    log.info("%s has no effect: %s", spelled, WITHOUT_EFFECT[name])


def refuse_unless_off(spelled: str, value: Any) -> None:
    """Raise with what to use instead, but where the value turns off what the name is for."""
    name = spelled.replace("-", "_")
    if str(value).strip('"').lower() not in ("false", "none", "null", "", OFF.get(name)):
        raise UserError(f"hyperparameter {spelled} is not known here: {INSTEAD[name]}")
    log.info("%s has no effect: it is off", spelled)


def switched(spelled: str, name: str, chosen: str, value: Any) -> dict[str, str]:
    """The field that took the switch's place, where the switch is on."""
    if not convert(value, bool, f"hyperparameter {spelled}"):
        log.info("%s has no effect: it is off", spelled)
        return {}
    log.info("%s is a name of earlier releases of transformers: taken as %s = %s", spelled, name, chosen)
    return {name: chosen}


def log_renamed(given: Mapping[str, tuple[str, Any]]) -> None:
    """Log each name of earlier releases with the one that it has now.

    Args:
        given: name now to the spelling that it came in and its value.
    """
    for name, (spelled, _) in given.items():
        if spelled.replace("-", "_") in RENAMED:
            log.info("%s is a name of earlier releases or of examples: taken as %s", spelled, name)

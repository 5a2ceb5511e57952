"""TrainingArguments from the image's defaults for this device (bf16, optimizer, evaluation) and the caller's."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from contract.failures import UserError
from contract.files import read_json
from contract.values import shown
from training.devices import Default, agree_on_tf32, cpu_defaults, gpu_defaults, is_on_cpu
from training.hyperparameters import choice
from training.metrics import ERRORS, known_scores

CPU_TOKENS = 2048
# Of each pair the one that is given replaces the other's default.
EXCLUSIVE = {"bf16": "fp16", "fp16": "bf16"}

log = logging.getLogger(__name__)


def build(given: Mapping[str, Any], checkpoints: Path, evaluates: bool, world_size: int) -> TrainingArguments:
    """TrainingArguments from what was `given` over the image's defaults.

    Args:
        given: fields of TrainingArguments, typed.
        checkpoints: folder of the checkpoints.
        evaluates: whether there are rows to evaluate on.
        world_size: ranks over all hosts.

    Raises:
        UserError: TrainingArguments refuses a value or a combination, or DeepSpeed cannot run here.
    """
    if given.get("deepspeed"):
        check_deepspeed(is_on_cpu(given), hosts=world_size // int(os.environ.get("LOCAL_WORLD_SIZE", world_size)))
    chosen = {name: default.value for name, default in in_force(given, evaluates).items()} | dict(given)
    chosen["ddp_backend"] = backend(chosen.get("ddp_backend"), world_size, is_on_cpu(given))
    chosen["fsdp_config"] = fsdp_settings(chosen.get("fsdp"), chosen.get("fsdp_config"))
    fixed = {"output_dir": str(checkpoints), "load_best_model_at_end": False}
    known = inspect.signature(TrainingArguments).parameters
    try:
        args = TrainingArguments(**{name: value for name, value in (chosen | fixed).items() if name in known})
    except (ValueError, TypeError, KeyError, ImportError) as error:
        raise UserError(f"hyperparameters do not fit together: {error}") from None
    check_metric(args)
    # A rank that the launcher started has a process group, also where it is the only one.
    if args.fsdp and world_size < 2 and "LOCAL_RANK" not in os.environ:
        raise UserError("hyperparameter fsdp is set, but the job has one process; expected several, or no fsdp")
    if args.fp16 and args.device.type == "cpu":
        raise UserError("hyperparameter fp16 is true, but this training is on the CPU; expected bf16, or a GPU")
    # One process for each GPU: Trainer would share this process's batches out by DataParallel.
    args._n_gpu = min(args.n_gpu, 1)
    if not args.dataloader_num_workers:
        # PyTorch refuses workers that persist where there are none; on GPUs they do by default.
        args.dataloader_persistent_workers = False
    log_turned_off(given, args)
    if args.torch_compile:
        # TrainingArguments has no field for it; without, each of the first shapes is compiled for itself.
        os.environ.setdefault("ACCELERATE_DYNAMO_USE_DYNAMIC", "true")
    agree_on_tf32()
    return args


def log_turned_off(given: Mapping[str, Any], args: TrainingArguments) -> None:
    """Log what was given of the loaders, but has no effect here."""
    reasons = {
        "dataloader_persistent_workers": "dataloader_num_workers is 0",
        "dataloader_pin_memory": "pinned memory serves GPUs only",
    }
    for name, reason in reasons.items():
        if given.get(name) and not getattr(args, name):
            log.warning("%s has no effect: %s", name, reason)


def backend(given: str | None, world_size: int, on_cpu: bool) -> str | None:
    """The backend of torch.distributed; in a single process none, or accelerate would look for a process group."""
    if given is not None and world_size == 1:
        log.warning("ddp_backend has no effect: the job has one process")
    if world_size == 1 or not on_cpu:
        return given if world_size > 1 else None
    if given not in (None, "gloo", "mpi"):
        log.warning("ddp_backend = gloo: %s is for GPUs", given)
        return "gloo"
    return given or "gloo"


def fsdp_settings(fsdp: Any, config: Any) -> dict[str, Any] | None:
    """fsdp_config with FSDP 2, the one whose checkpoints this image loads; None where the field fsdp is not set.

    Args:
        fsdp: as TrainingArguments takes it: names in a text or a list.
        config: as TrainingArguments takes it: an object, the path of a JSON file, or None.

    Raises:
        UserError: it asks for version 1.
    """
    if not fsdp:
        if config:
            log.warning("fsdp_config has no effect: fsdp is not set")
        return None
    if isinstance(config, str):
        config = read_json(Path(config), "fsdp_config")
    config = {name.removeprefix("fsdp_"): value for name, value in (config or {}).items()}
    if str(config.get("version", 2)) != "2":
        raise UserError(f"hyperparameter fsdp_config has version {config['version']}, expected 2")
    # What full_shard means in version 1; version 2 takes no notice of the names.
    reshard = any(name in str(fsdp) for name in ("full_shard", "hybrid_shard"))
    return {"version": 2, "reshard_after_forward": reshard} | config


def check_metric(args: TrainingArguments) -> None:
    """Raises UserError: metric_for_best_model is not a metric of an evaluation."""
    name, known = args.metric_for_best_model, known_scores()
    if name is not None and name.removeprefix("eval_") not in known:
        raise UserError(f"hyperparameter metric_for_best_model is {shown(name)}, expected one of {', '.join(known)}")
    if name is not None:
        # TrainingArguments knows losses alone as what is to be small.
        args.greater_is_better = name.removeprefix("eval_") not in ERRORS


def check_deepspeed(on_cpu: bool, hosts: int) -> None:
    """Whether DeepSpeed can run here, and leave whole checkpoints.

    Raises:
        UserError: it is not installed, or the training is on the CPU or on several hosts.
    """
    wrong = "hyperparameter deepspeed is set, but"
    if importlib.util.find_spec("deepspeed") is None:
        raise UserError(f"{wrong} deepspeed is not installed in this image; expected one that adds it, or use fsdp")
    # accelerate would train without it, and without a word.
    if on_cpu:
        raise UserError(f"{wrong} this training is on the CPU; expected GPUs and no use_cpu, or use fsdp")
    if hosts > 1:
        # Each of its ranks writes a file of the checkpoint, and only the first host's folder is kept.
        raise UserError(f"{wrong} there are {hosts} hosts; expected 1, or use fsdp")


def explain(given: Mapping[str, Any], evaluates: bool) -> None:
    """Log each default in force with its reason, and each that the caller replaced."""
    for name, default in in_force(given, evaluates).items():
        if name in given:
            log.info("%s = %s, as given", name, choice(given[name]))
        else:
            log.info("%s = %s by default: %s", name, default.value, default.reason)
    if choice(given.get("eval_strategy")) == "no":
        log.warning("eval_strategy = no: without evaluations the weights of the last step are delivered, not the best")
    elif choice(given.get("save_strategy")) == "no":
        log.warning("save_strategy = no: without checkpoints the weights of the last step are delivered, not the best")


def in_force(given: Mapping[str, Any], evaluates: bool) -> dict[str, Default]:
    """The image's defaults but for those that a value which was given excludes."""
    excluded = {name for name, other in EXCLUSIVE.items() if given.get(other)}
    on_cpu = is_on_cpu(given)
    if choice(given.get("eval_strategy")) == "no":
        excluded.add("metric_for_best_model")
    return {name: default for name, default in defaults(evaluates, on_cpu).items() if name not in excluded}


def defaults(evaluates: bool, on_cpu: bool) -> dict[str, Default]:
    """The image's defaults on this machine's CPU or GPUs, by field of TrainingArguments."""
    evaluation = {
        "eval_strategy": Default("epoch", "each epoch is judged"),
        "metric_for_best_model": Default("loss", "the best model is the one with the least validation loss"),
    }
    return {
        "train_sampling_strategy": Default("group_by_length", "rows of like length in a batch need little padding"),
        "optim": Default("adamw_torch_fused", "one kernel for all parameters"),
        "save_strategy": Default("epoch", "a checkpoint to fall back on after each epoch"),
        "save_total_limit": Default(2, "the newest checkpoint and the one before; the best is kept as well"),
        "logging_steps": Default(50, "curves need points; a training of fewer than 500 steps logs ten times"),
        "logging_nan_inf_filter": Default(False, "a loss that is not a number must be seen"),
        "report_to": Default(
            "tensorboard", "curves as files in the job's output; nothing leaves the container unasked"
        ),
        "disable_tqdm": Default(True, "logs are lines"),
        **(evaluation if evaluates else {}),
        **(cpu_defaults() if on_cpu else gpu_defaults()),
    }


def micro_batch_tokens(given: int | None, args: TrainingArguments) -> int:
    """The option tokens_per_batch: as given, else what suits the device; 0 takes batches as a whole.

    Raises:
        UserError: parameters are sharded over ranks, which need the same number of forward passes.
    """
    is_sharded = bool(args.fsdp or args.deepspeed) and args.world_size > 1
    if given is not None:
        if given and is_sharded:
            raise UserError(f"hyperparameter tokens_per_batch is {given}, expected 0 or none with fsdp or deepspeed")
        return given
    if args.device.type == "cuda" or is_sharded:
        return 0
    log.info("tokens_per_batch = %d by default: the activations of more do not fit a CPU's caches", CPU_TOKENS)
    return CPU_TOKENS

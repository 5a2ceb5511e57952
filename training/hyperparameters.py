"""hyperparameters.json to TrainingOptions and TrainingArguments' fields: aliases, refused and unknown names."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.failures import UserError
from contract.files import read_json
from contract.options import canonical_names, declared, resolve, typed
from training import compatibility
from training.options import EXAMPLE_NAMES, TrainingOptions

# Fields of TrainingArguments that the image decides, with what to use instead.
MANAGED = {
    "local_rank": "ranks follow from the hosts and processes_per_host",
    "resume_from_checkpoint": "use resume (true or false)",
    "enable_jit_checkpoint": "the image saves on SIGTERM itself, all ranks at one step",
    "save_only_model": "a checkpoint is there to go on from, which takes the optimizer too",
    "push_to_hub": "the model goes to the job's model folder",
    "parallelism_config": "it is an object, not text; use fsdp or deepspeed",
    "auto_find_batch_size": "use tokens_per_batch, which bounds the memory of a pass and keeps the rows of a step",
    "prediction_loss_only": "the metrics and the best model need the predictions",
    "batch_eval_metrics": "metrics are of all rows of an evaluation together",
    "eval_do_concat_batches": "metrics are of all rows of an evaluation together",
    "include_for_metrics": "the metrics need the predictions and the labels alone",
    "label_names": "labels are in the column labels",
    "bf16_full_eval": "evaluation multiplies as training does (bf16, fp16), and the delivered weights stay fp32",
    "fp16_full_eval": "evaluation multiplies as training does (bf16, fp16), and the delivered weights stay fp32",
    "ignore_data_skip": "a resumed training goes on with the next rows of the same order",
    "restore_callback_states_from_checkpoint": "what callbacks need comes back with every checkpoint",
    "accelerator_config": "each process reads its own rows, a whole step at a time",
    "debug": "max_nonfinite_steps and on_divergence end a training whose loss is not finite",
    "length_column_name": "lengths are those of input_ids",
    "save_on_each_node": "the first host writes the checkpoint for all",
    "hub_model_id": "the model goes to the job's model folder",
    "hub_token": "nothing is pushed to the hub; to read from it set HF_TOKEN in the job's environment",
    "hub_strategy": "the model goes to the job's model folder",
    "hub_private_repo": "the model goes to the job's model folder",
    "hub_always_push": "the model goes to the job's model folder",
    "hub_revision": "the model goes to the job's model folder; the revision to start from is model_revision",
}


@dataclass(frozen=True)
class Hyperparameters:
    """The caller's hyperparameters, parsed.

    Attributes:
        options: ours, defaults filled in.
        arguments: fields of TrainingArguments that were given, typed; nothing else.
    """

    options: TrainingOptions
    arguments: dict[str, Any]


def read(path: Path) -> Hyperparameters:
    """The hyperparameters in `path`; the defaults where there is no such file.

    Raises:
        UserError: the file is no JSON object, a name is unknown or managed by the image, or a
            value is not of its type.
    """
    return parse(read_values(path))


def read_values(path: Path) -> dict[str, Any]:
    """The object in `path`, as it was given; empty where there is no such file.

    Raises:
        UserError: the file is no JSON object.
    """
    values = read_json(path, "hyperparameters") if path.exists() else {}
    if not isinstance(values, dict):
        raise UserError(f"hyperparameters {path} hold {type(values).__name__}, expected a JSON object")
    return values


def parse(values: dict[str, Any]) -> Hyperparameters:
    """Like `read`, from the parsed object: name to text, or to a JSON value."""
    ours = {option.name: option.kind for option in declared(TrainingOptions)}
    kinds = argument_kinds() | ours
    names = known_names(kinds)
    current = compatibility.modern(values, lambda name: name in names)
    given = resolve(current, names, "hyperparameter", compatibility.MEANT)
    compatibility.log_renamed(given)
    values = typed(given, kinds, "hyperparameter")
    refuse_managed({given[name][0]: (name, value) for name, value in values.items() if name in MANAGED})
    # Launchers write an empty text for what is not set; no column, model or revision has that name.
    values = {name: None if value == "" and ours.get(name) == (str | None) else value for name, value in values.items()}
    options = TrainingOptions(**{name: value for name, value in values.items() if name in ours})
    arguments = {name: value for name, value in values.items() if name not in ours and name not in MANAGED}
    if "report_to" in arguments:
        # Text that means none, which TrainingArguments wants as text.
        arguments["report_to"] = arguments["report_to"] or "none"
    return Hyperparameters(options, arguments)


def argument_kinds() -> dict[str, Any]:
    """Every field of TrainingArguments with its annotation."""
    # Imported late: it takes seconds, and a misspelled file should fail before that.
    from transformers import TrainingArguments

    hints = typing.get_type_hints(TrainingArguments)
    return {field.name: hints[field.name] for field in dataclasses.fields(TrainingArguments) if field.init}


def known_names(kinds: dict[str, Any]) -> dict[str, str]:
    """Each spelling that is understood, with the name that it stands for."""
    return (
        compatibility.RENAMED
        | {name: name for name in kinds}
        | EXAMPLE_NAMES
        | canonical_names(declared(TrainingOptions))
    )


def refuse_managed(given: dict[str, tuple[str, Any]]) -> None:
    """Raise for a field that the image decides, unless its value is the default, or turns off what the field is for.

    Args:
        given: name and typed value by the spelling that it came in.
    """
    for spelled, (name, value) in given.items():
        default = argument_default(name)
        off = not default and not value and (value != 0 or value is False)
        if value != default and not off:
            raise UserError(f"hyperparameter {spelled} cannot be set: {MANAGED[name]}")


def argument_default(name: str) -> Any:
    """The default of a field of TrainingArguments."""
    from transformers import TrainingArguments

    field = next(each for each in dataclasses.fields(TrainingArguments) if each.name == name)
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def choice(value: Any) -> str:
    """The text of a field with a fixed set of values, which is typed as an Enum where it is one of them."""
    return str(getattr(value, "value", value))

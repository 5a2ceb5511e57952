"""TrainingOptions: the image's own hyperparameters, beside the fields of TrainingArguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contract.options import option

# Where the model to start from lies if no hyperparameter names one.
MODEL_CHANNEL = "model"
# The names that the published Hugging Face examples use for fields of TrainingArguments.
EXAMPLE_NAMES = {
    "epochs": "num_train_epochs",
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
}


@dataclass(frozen=True)
class TrainingOptions:
    """What the image decides beyond transformers.TrainingArguments."""

    model_name: str | None = option(
        None,
        "Model to start from: a folder, or a name on the hub; none takes the channel `model`.",
        aliases=("model_name_or_path", "model_id"),
        group="model",
    )
    model_revision: str | None = option(
        None, "Revision of the model on the hub; none takes its default.", group="model"
    )
    attn_implementation: str | None = option(
        None,
        "Attention: sdpa, eager, flash_attention_2 or another name that transformers knows; none takes the best that "
        "the model supports of sdpa and eager.",
        group="model",
    )
    text_column: str | None = option(
        None,
        "Column of text where the data has no input_ids; none takes the first that is there of "
        "review_body, text, sentence, content.",
        group="data",
    )
    text_pair_column: str | None = option(
        None,
        "Column of the second text of each row where the data has no input_ids, such as an answer beside its question.",
        group="data",
    )
    truncation: Literal["longest_first", "only_first", "only_second"] = option(
        "longest_first",
        "Which of the two texts of a row that is tokenized here is truncated to max_length.",
        group="data",
    )
    label_column: str | None = option(
        None, "Column of labels beside the text, names or numbers; none takes labels or label.", group="data"
    )
    delimiter: str | None = option(
        None,
        "Character between the values of csv and tsv files, or comma, tab, semicolon, pipe, space; none means that it "
        "is detected from the first rows.",
        aliases=("sep",),
        group="data",
    )
    quote: str = option(
        "auto",
        'Character around values of csv and tsv files, or none where quotes are data; auto means " in csv files, and '
        "in files with tabs it is detected from the first megabyte.",
        group="data",
    )
    encoding: str | None = option(
        None,
        "Encoding of text files, such as latin-1, windows-1252 or utf-16; none means that of the byte order mark, else "
        "UTF-8.",
        group="data",
    )
    no_header: bool = option(
        False,
        "Whether the first line of csv and tsv files is a row: the columns are column1, column2, ... or those of "
        "column_names.",
        group="data",
    )
    column_names: tuple[str, ...] | None = option(
        None, "Names of the columns of csv and tsv files; none means those of the header.", group="data"
    )
    label_columns: tuple[str, ...] = option(
        (), "Columns of 0 and 1 beside the text, one for each of several labels, such as toxic,threat.", group="data"
    )
    label_delimiter: str | None = option(
        None, "What separates the labels in label_column where rows have several, such as |.", group="data"
    )
    problem_type: Literal["auto", "single_label_classification", "multi_label_classification", "regression"] = option(
        "auto",
        "What labels are, in transformers' words; auto takes the card's, else several labels for arrays, label_columns "
        "or label_delimiter, regression for numbers with fractions, and one label otherwise.",
        group="data",
    )
    max_length: int | None = option(
        None,
        "Longest row in tokens, in training and in the answers of the delivered model. None takes the card's; for text "
        "that is tokenized here 512 or, if that is less, what the model can; for other rows what the model can.",
        aliases=("max_seq_length",),
        group="data",
    )
    validation_fraction: float = option(
        0.1, "Share of train held out where there is no channel `validation`.", group="data"
    )
    pad_to_multiple_of: int = option(8, "Batches are padded to a multiple of so many tokens.", group="data")
    tokens_per_batch: int | None = option(
        None,
        "Most tokens, padding included, that go through the model at once. A step keeps its rows and its gradient: "
        "they are sorted by length and go in pieces. None means 2048 on a CPU and 0 on a GPU; 0 takes whole batches.",
        group="data",
    )
    load_best_model_at_end: bool = option(
        True, "Deliver the model of the best evaluation, not of the last step.", group="model"
    )
    export_onnx: bool = option(
        False,
        "Add the model exported to ONNX, in float32 and int8, to the model folder, for inference on CPUs; int8's loss "
        "of accuracy is measured on validation.",
        group="model",
    )
    early_stopping_patience: int | None = option(
        None, "Stop after so many evaluations in a row without a better metric_for_best_model.", group="quality"
    )
    class_weights: Literal["none", "balanced"] = option(
        "none",
        "Weight of a row in the loss by its class; balanced: the rarer, the more. With several labels balanced sets "
        "the pos_weight of each: rows without the label over rows with it.",
        group="quality",
    )
    regression_loss: Literal["mse", "l1"] = option(
        "mse", "Loss of regression: mean squared error, or mean absolute error.", group="quality"
    )
    focal_gamma: float = option(
        0.0,
        "Focal loss: rows that the model is sure of count less, by the power of so much; 0 is off.",
        group="quality",
    )
    decision_threshold: Literal["none", "best_f1", "best_accuracy"] = option(
        "none",
        "Choose on validation from which probability on a row is of the second of two classes, or has each of several "
        "labels; inference keeps to it.",
        group="quality",
    )
    temperature_scaling: bool = option(
        False,
        "Choose on validation a number that logits are divided by, so that scores are nearer to the share of right "
        "answers; inference keeps to it.",
        group="quality",
    )
    frozen_layers: int = option(
        0,
        "Keep the embeddings and so many layers of the encoder, from the first, as they are; 0 trains all.",
        group="model",
    )
    layer_decay: float | None = option(
        None,
        "Learning rate of each layer over that of the layer above it, such as 0.9; the head has learning_rate. None "
        "gives all layers the same.",
        group="model",
    )
    dropout: float | None = option(
        None, "Share that the model drops in training; none takes its configuration's.", group="model"
    )
    lora_r: int | None = option(
        None, "Rank of low-rank adaptation (LoRA): the encoder is frozen; none trains all weights.", group="lora"
    )
    lora_alpha: float = option(16.0, "What its updates are multiplied by, over its rank.", group="lora")
    lora_dropout: float = option(0.0, "Share of its inputs that is dropped.", group="lora")
    lora_target_modules: tuple[str, ...] = option(
        (), "Last names of the linear layers that get it, such as query,value; none means all.", group="lora"
    )
    max_nonfinite_steps: int = option(
        3, "End the training after so many steps in a row with a loss that is NaN or infinite.", group="quality"
    )
    on_divergence: Literal["fail", "deliver"] = option(
        "fail",
        "What a training that has diverged does: fail, or deliver the newest checkpoint whose weights are all finite.",
        group="quality",
    )
    resume: bool = option(True, "Go on from the newest valid checkpoint.", group="checkpoints")
    checkpoint_minutes: float = option(
        10.0, "Save at least every so many minutes, beside save_strategy; 0 turns it off.", group="checkpoints"
    )
    grace_period: float = option(
        100.0, "Seconds that ranks get to save after SIGTERM before they are killed.", group="distribution"
    )
    processes_per_host: int | None = option(
        None, "Processes on each host; none means one a GPU, or one on a host without.", group="distribution"
    )
    master_port: int = option(7777, "Port of the first host on which all hosts meet.", group="distribution")

"""Classifier: computes logits of tokenized texts, in the order of the request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from inference.errors import RequestError, bad_request
from inference.worker.forward_pass import ForwardPass
from inference.worker.loading import LoadedModel
from inference.worker.parallel import ParallelPasses
from inference.worker.parameters import Parameters
from inference.worker.request import Request, Text, read_content
from inference.worker.responses import Prediction, arrange
from inference.worker.tokenization import Encoded


@dataclass
class Statistics:
    """Sizes of a batch: texts, forward passes, and tokens without (`tokens`) and with padding (`padded`)."""

    texts: int = 0
    passes: int = 0
    tokens: int = 0
    padded: int = 0

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(
            self.texts + other.texts,
            self.passes + other.passes,
            self.tokens + other.tokens,
            self.padded + other.padded,
        )

    def summary(self) -> dict[str, int | float]:
        """The sizes for the log line of the batch; `padding` is the share of tokens that are padding."""
        padding = 1 - self.tokens / self.padded if self.padded else 0.0
        return {"texts": self.texts, "tokens": self.tokens, "passes": self.passes, "padding": round(padding, 3)}


@dataclass
class Classifier:
    """A loaded model that classifies lists of texts.

    Attributes:
        batch_tokens: most tokens in one forward pass, including padding.
        parallel: runs forward passes in parallel on the CPU cores.
        isolated: whether each text gets its own forward pass, for models whose scores depend on the rest of the batch.
        statistics: sizes of what was computed since `reset_statistics`.
    """

    loaded: LoadedModel
    batch_tokens: int
    parallel: ParallelPasses = field(default_factory=lambda: ParallelPasses(1))
    isolated: bool = False
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self.forward = ForwardPass(self.loaded)

    def encode(self, request: Request) -> list[Encoded]:
        """Tokenize a request's texts, with special tokens, truncated at the length limit.

        Raises:
            RequestError: 400, a text is too long and the request forbids truncation, or its max_length is
                too small for the special tokens and one more.
        """
        (result,) = self.encode_together([request])
        if isinstance(result, RequestError):
            raise result
        return result

    def encode_together(self, requests: Sequence[Request]) -> list[list[Encoded] | RequestError]:
        """Tokenize several requests; returns for each what `encode` would return or raise.

        Requests with the same length limit go to the tokenizer in one call, which uses all cores.
        """
        results: list[list[Encoded] | RequestError] = [[] for _ in requests]
        by_limit: defaultdict[int, list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            try:
                by_limit[self._limit(request)].append(index)
            except RequestError as error:
                results[index] = error
        for limit, indices in by_limit.items():
            texts = [text for index in indices for text in requests[index].texts]
            rows = iter(self.loaded.tokenizer.encode(texts, limit))
            for index in indices:
                own = list(islice(rows, len(requests[index].texts)))
                results[index] = checked(own, requests[index].parameters, limit)
        return results

    def _limit(self, request: Request) -> int:
        """Length in tokens at which the request's texts are truncated.

        Raises:
            RequestError: 400, it is too small for the special tokens and one more.
        """
        limit = min(request.parameters.max_length or self.loaded.max_length, self.loaded.max_length)
        least = self.loaded.tokenizer.special_tokens(pair=any(text.pair is not None for text in request.texts)) + 1
        if limit < least:
            raise bad_request(f"parameters.max_length is {limit}, expected at least {least}")
        return limit

    def logits(self, rows: Sequence[Encoded]) -> torch.Tensor:
        """Logits of shape [len(rows), labels], float32, on the CPU, in the order of `rows`."""
        result = torch.empty((len(rows), len(self.loaded.label_names)), dtype=torch.float32)
        lengths = [len(row) for row in rows]
        self.forward.choose_padding(rows)
        batches = [[i] for i in range(len(rows))] if self.isolated else self.parallel.plan(lengths, self.batch_tokens)
        passes = [[rows[index] for index in batch] for batch in batches]
        for batch, logits in zip(batches, self.parallel.map(self.forward, passes), strict=True):
            result[batch] = logits
        padded = sum(len(batch) * lengths[batch[0]] for batch in batches)
        self.statistics += Statistics(len(rows), len(batches), sum(lengths), padded)
        return result

    def reset_statistics(self) -> None:
        """Forget the sizes of earlier batches."""
        self.statistics = Statistics()

    def probe(self) -> torch.Tensor:
        """Logits of one single-row and one padded batch, which torch.compile compiles separately."""
        alone, two = Request([Text("probe")]), Request([Text("probe"), Text("a longer probe")])
        return torch.cat([self.logits(self.encode(request)) for request in (alone, two)])

    def __call__(self, inputs: Any, **parameters: Any) -> Any:
        """Predictions in the form of transformers.pipeline, for a team's predict_fn.

        Raises:
            RequestError: 400, inputs or parameters that transformers.pipeline does not have.
        """
        self.reset_statistics()
        request = read_content({"inputs": inputs, "parameters": parameters})
        self.check(request)
        logits = self.logits(self.encode(request))
        return arrange(self.predictions(logits, request.parameters), request.shape)

    def check(self, request: Request) -> None:
        """Raises RequestError: 400, parameters or texts of `request` do not suit the model."""
        self.loaded.answers.check(request)

    def predictions(self, logits: torch.Tensor, parameters: Parameters) -> list[Prediction]:
        """The predictions for `logits` [n, labels], as Answers.predictions has them."""
        return self.loaded.answers.predictions(logits, parameters)


def checked(rows: list[Encoded], parameters: Parameters, limit: int) -> list[Encoded] | RequestError:
    """`rows`, or an error if one is empty, or was truncated at `limit` although the request forbids it."""
    if not all(map(len, rows)):
        return bad_request("a text has no tokens for this model, expected at least one")
    if not parameters.truncation and any(row.truncated for row in rows):
        return bad_request(f"a text is longer than {limit} tokens and parameters.truncation is false")
    return rows

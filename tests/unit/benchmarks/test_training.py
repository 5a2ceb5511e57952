from benchmarks.measure import Run
from benchmarks.training import Result, parse, shortened, table

REQUIRED = ["--data", "d", "--model", "m", "--output", "o"]
METRICS = {
    "samples_per_second": 9.0, "tokens_per_second": 900.0, "padding": 0.015,
    "train_loss": 0.5, "eval_loss": 0.4, "eval_accuracy": 0.9,
}  # fmt: skip


def test_rows_are_cut_to_about_so_many_words() -> None:
    long = " ".join(f"w{i}" for i in range(99))
    lines = ["star_rating\treview_body\n", *(f"{stars % 5}\t{long}\n" for stars in range(400))]
    header, *cut = list(shortened(iter(lines), 18))
    counts = [len(line.rstrip("\n").split("\t")[1].split()) for line in cut]
    assert header == lines[0]
    assert 9 <= min(counts) < max(counts) <= 27
    assert 17 < sum(counts) / len(counts) < 19
    assert [line.split("\t")[0] for line in cut] == [line.split("\t")[0] for line in lines[1:]]


def test_whole_rows_stay_whole() -> None:
    lines = ["star_rating\treview_body\n", "5\ta  b\n"]
    assert list(shortened(iter(lines), 0)) == lines


def test_the_table_has_the_speed_up_over_the_tutorial() -> None:
    results = {
        "training image": Result(Run(20.0, 10**9), {**METRICS, "peak_share": 0.5}),
        "tutorial": Result(Run(60.0, 3 * 10**9), {**METRICS, "samples_per_second": 3.0}),
    }
    image, tutorial = table(results).splitlines()[2:]
    assert image == "| training image | 9.00 | 3.0 | 900 | 1.5% | 0.500 | 0.400 | 1,000 MB | 20 | 50.0% |"
    assert tutorial.endswith("| 3,000 MB | 60 | |")


def test_the_published_case_is_the_default() -> None:
    assert parse(REQUIRED).words == [0, 18]
    assert not parse(REQUIRED).gpu

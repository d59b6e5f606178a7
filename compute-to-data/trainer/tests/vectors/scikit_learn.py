"""Writes scikit_learn.json: metrics as scikit-learn computes them."""

import json
import warnings
from pathlib import Path

import numpy
import sklearn
from sklearn import metrics

random = numpy.random.default_rng(7)
warnings.simplefilter("error")


def softmax(outputs):
    shifted = numpy.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def classes(name, count, outputs, targets):
    """Scores of the classes, or one: the logit of the second."""
    if outputs.shape[1] == 1:
        chances = 1 / (1 + numpy.exp(-outputs[:, 0]))
        chances, guesses = numpy.stack([1 - chances, chances], axis=1), (outputs[:, 0] > 0).astype(int)
    else:
        chances, guesses = softmax(outputs), outputs.argmax(axis=1)
    present = sorted(set(targets.tolist()))
    if len(present) < 2:
        auc = None
    elif count == 2:
        auc = metrics.roc_auc_score(targets, chances[:, 1])
    else:
        auc = numpy.mean([metrics.roc_auc_score(targets == one, chances[:, one]) for one in present])
    return {
        "name": name, "classes": count, "outputs": outputs.flatten().tolist(), "targets": targets.tolist(),
        "accuracy": metrics.accuracy_score(targets, guesses),
        "f1": metrics.f1_score(targets, guesses, average="macro", labels=present),
        "auc": None if auc is None else float(auc),
        "log_loss": metrics.log_loss(targets, chances, labels=list(range(count))),
    }


def draw(rows, count, width):
    targets = random.integers(count, size=rows)
    outputs = random.normal(size=(rows, width))
    outputs[numpy.arange(rows), targets if width > 1 else 0] += 1.0 if width > 1 else 2.0 * targets - 1.0
    # Eighths: exact in single precision, and some scores are equal.
    return numpy.round(8 * outputs) / 8, targets


def class_cases():
    yield classes("two outputs", 2, *draw(40, 2, 2))
    yield classes("one output", 2, *draw(40, 2, 1))
    yield classes("four classes", 4, *draw(60, 4, 4))
    outputs, targets = draw(50, 3, 5)
    yield classes("classes that are not there", 5, outputs, targets)
    outputs, targets = draw(30, 2, 2)
    yield classes("one class alone", 2, outputs, numpy.ones_like(targets))
    yield classes("all the same", 2, numpy.zeros((20, 1)), random.integers(2, size=20))
    # As far apart as scikit-learn's clipping of chances lets it be compared.
    outputs, targets = draw(20, 3, 3)
    yield classes("far apart", 3, 10 * outputs, targets)


def number_case(name, outputs, targets):
    return {
        "name": name, "outputs": outputs.tolist(), "targets": targets.tolist(),
        "mae": metrics.mean_absolute_error(targets, outputs),
        "rmse": metrics.root_mean_squared_error(targets, outputs),
        "r2": metrics.r2_score(targets, outputs) if len(set(targets.tolist())) > 1 else None,
    }


def number_cases():
    targets = random.normal(size=40).round(3)
    yield number_case("close", (targets + 0.3 * random.normal(size=40)).round(3), targets)
    yield number_case("worse than the mean", random.normal(size=40).round(3), targets)
    yield number_case("exact", targets, targets)
    yield number_case("a target that never changes", random.normal(size=10).round(3), numpy.full(10, 0.25))


def plain(value):
    return value.item() if isinstance(value, numpy.generic) else value


vectors = {"sklearn": sklearn.__version__, "classes": list(class_cases()), "numbers": list(number_cases())}
(Path(__file__).parent / "scikit_learn.json").write_text(json.dumps(vectors, default=plain, separators=(",", ":")) + "\n")

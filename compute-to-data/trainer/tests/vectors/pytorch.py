"""Writes pytorch.json: what PyTorch computes of declared layers, losses, optimisers and schedules, and of a file that the trainer
wrote, in double precision."""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)
ROWS = 5


class Permuted(nn.Module):
    """A flat row as an image or a sequence, whose channels lie beside each other."""

    def __init__(self, *sides):
        super().__init__()
        self.sides = sides

    def forward(self, x):
        return x.reshape(len(x), *self.sides).movedim(-1, 1)


class Categories(nn.Module):
    """A vector for each one-hot block; numbers pass."""

    def __init__(self, blocks, dimensions):
        super().__init__()
        self.blocks = blocks
        counts = [count for kind, count in blocks if kind == "category"]
        for place, count in enumerate(counts):
            self.add_module(str(place), nn.Embedding(count, dimensions))

    def forward(self, x):
        parts, place = [], 0
        for (kind, count), part in zip(self.blocks, x.split([count for _, count in self.blocks], dim=1)):
            if kind == "category":
                parts.append(getattr(self, str(place))(part.argmax(dim=1)))
                place += 1
            else:
                parts.append(part)
        return torch.cat(parts, dim=1)


def module(layer, shape, blocks):
    """PyTorch's module for a layer, given the shape that comes in, channels first."""
    kind = layer["kind"]
    convolution = [layer.get(member, default) for member, default in (("kernel", 1), ("stride", 1), ("padding", 0))]
    image = len(shape) == 3
    if kind == "linear":
        return nn.Linear(shape[0], layer["units"])
    if kind == "embedding":
        return Categories(blocks, layer["dimensions"])
    if kind == "as_image":
        return Permuted(layer["height"], layer["width"], layer["channels"])
    if kind == "as_sequence":
        return Permuted(layer["length"], layer["channels"])
    if kind == "conv1d":
        return nn.Conv1d(shape[0], layer["channels"], *convolution)
    if kind == "conv2d":
        return nn.Conv2d(shape[0], layer["channels"], *convolution)
    if kind == "max_pool":
        return (nn.MaxPool2d if image else nn.MaxPool1d)(layer["size"])
    if kind == "average_pool":
        return (nn.AvgPool2d if image else nn.AvgPool1d)(layer["size"])
    if kind == "flatten":
        return nn.Flatten()
    if kind == "layer_norm":
        return nn.LayerNorm(shape[0])
    if kind == "group_norm":
        return nn.GroupNorm(layer["groups"], shape[0])
    plain = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "softplus": nn.Softplus}
    return plain[kind]()


def sequential(layers, blocks):
    """The layers, their parameters drawn so that none is special."""
    modules, x = [], inputs(blocks)
    for layer in layers:
        modules.append(module(layer, list(x.shape[1:]), blocks))
        x = modules[-1](x)
    model = nn.Sequential(*modules)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter) + 0.1).copy_(parameter.float())
    return model


def inputs(blocks):
    parts = []
    for kind, count in blocks:
        if kind == "category":
            parts.append(nn.functional.one_hot(torch.randint(count, (ROWS,)), count).double())
        else:
            parts.append(torch.randn(ROWS, count).float().double())
    return torch.cat(parts, dim=1)


def loss(declared, outputs, targets):
    """Mean over the rows."""
    kind, numbers = (declared, {}) if isinstance(declared, str) else next(iter(declared.items()))
    if kind == "cross_entropy":
        return nn.functional.cross_entropy(outputs, targets)
    if kind == "weighted_cross_entropy":
        weights = torch.tensor(numbers["class_weights"])
        return nn.functional.cross_entropy(outputs, targets, weight=weights, reduction="sum") / len(outputs)
    if kind == "binary_cross_entropy":
        return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.double())
    outputs = outputs[:, 0]
    if kind == "mean_squared_error":
        return nn.functional.mse_loss(outputs, targets)
    if kind == "mean_absolute_error":
        return nn.functional.l1_loss(outputs, targets)
    assert kind == "huber"
    return nn.functional.huber_loss(outputs, targets, delta=numbers["delta"])


def draw_targets(declared, width):
    kind = declared if isinstance(declared, str) else next(iter(declared))
    if "cross_entropy" in kind:
        return torch.randint(max(width, 2), (ROWS,))
    return (2 * torch.rand(ROWS) - 1).float().double()


def numbers(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().double().flatten().tolist()]


def values(named):
    return {name: numbers(value) for name, value in named}


def tensors(named):
    return {name: {"shape": list(value.shape), "values": numbers(value)} for name, value in named}


def case(name, layers, blocks, declared="cross_entropy", scale=1.0):
    model, x = sequential(layers, blocks), inputs(blocks)
    if scale != 1.0:
        x = (scale * x).float().double()
    outputs = model(x)
    targets = draw_targets(declared, outputs.shape[1])
    value = loss(declared, outputs, targets)
    value.backward()
    return {
        "name": name,
        "blocks": blocks,
        "layers": layers,
        "loss": declared,
        "tensors": tensors(model.named_parameters()),
        "inputs": numbers(x),
        "targets": targets.tolist(),
        "outputs": numbers(outputs),
        "value": float(value),
        "gradients": values((name, parameter.grad) for name, parameter in model.named_parameters()),
    }


def layer(kind, **members):
    return {"kind": kind, **members}


def image(height, width, channels):
    return [("numbers", height * width * channels)], layer("as_image", height=height, width=width, channels=channels)


def sequence(length, channels):
    return [("numbers", length * channels)], layer("as_sequence", length=length, channels=channels)


def layer_cases():
    linear, flatten = layer("linear", units=3), layer("flatten")
    yield case("linear", [linear], [("numbers", 4)])
    for kind in ("relu", "tanh", "sigmoid", "gelu", "softplus"):
        yield case(kind, [layer("linear", units=6), layer(kind), linear], [("numbers", 4)], scale=2.0)
    mixed = [("numbers", 2), ("category", 4), ("numbers", 1), ("category", 3)]
    yield case("embedding", [layer("embedding", dimensions=3), linear], mixed)
    yield case("embedding before a norm", [layer("embedding", dimensions=2), layer("layer_norm"), linear], mixed)
    blocks, start = image(5, 6, 2)
    same = layer("conv2d", channels=3, kernel=3, stride=1, padding=1)
    yield case("conv2d that keeps the sides, then max_pool",
               [start, same, layer("relu"), layer("max_pool", size=2), flatten, linear], blocks)
    yield case("average_pool", [start, same, layer("average_pool", size=2), flatten, linear], blocks)
    yield case("max_pool of the inputs", [start, layer("max_pool", size=3), flatten, linear], blocks)
    blocks, start = image(7, 5, 3)
    yield case("conv2d with a stride on odd sides",
               [start, layer("conv2d", channels=4, kernel=2, stride=2, padding=1), layer("gelu"), flatten, linear], blocks)
    yield case("conv2d whose stride is beyond its kernel",
               [start, layer("conv2d", channels=2, kernel=2, stride=3), flatten, linear], blocks)
    yield case("conv2d with the widest padding",
               [start, layer("conv2d", channels=2, kernel=4, stride=3, padding=3), flatten, linear], blocks)
    yield case("conv2d of one pixel", [start, layer("conv2d", channels=4, kernel=1), flatten, linear], blocks)
    blocks, start = image(2, 2, 2)
    yield case("conv2d larger than its input",
               [start, layer("conv2d", channels=3, kernel=5, padding=4), flatten, linear], blocks)
    blocks, start = sequence(11, 2)
    yield case("conv1d with stride and padding",
               [start, layer("conv1d", channels=3, kernel=4, stride=2, padding=3), layer("softplus"),
                layer("max_pool", size=2), flatten, linear], blocks)
    yield case("conv1d, then average_pool",
               [start, layer("conv1d", channels=4, kernel=3), layer("sigmoid"), layer("average_pool", size=3), flatten,
                linear], blocks)
    yield case("flatten of a sequence", [start, flatten, linear], blocks)
    yield case("layer_norm", [layer("linear", units=5), layer("layer_norm"), layer("tanh"), linear], [("numbers", 4)])
    yield case("group_norm of numbers", [layer("linear", units=6), layer("group_norm", groups=2), linear],
               [("numbers", 4)])
    yield case("group_norm of a sequence",
               [start, layer("conv1d", channels=6, kernel=2), layer("group_norm", groups=3), flatten, linear], blocks)
    blocks, start = image(4, 5, 2)
    yield case("group_norm between convolutions",
               [start, layer("conv2d", channels=4, kernel=3, padding=1), layer("group_norm", groups=2), layer("relu"),
                layer("conv2d", channels=3, kernel=2, stride=2), layer("tanh"), flatten, layer("layer_norm"), linear],
               blocks)
    yield case("an image made by a layer",
               [layer("linear", units=12), layer("as_image", height=2, width=3, channels=2),
                layer("conv2d", channels=2, kernel=2), flatten, linear], [("numbers", 3)])
    yield case("an image that was a sequence before",
               [start, layer("conv2d", channels=4, kernel=2), flatten, layer("as_sequence", length=12, channels=4),
                layer("conv1d", channels=2, kernel=3), layer("max_pool", size=2), flatten, linear], blocks)


def loss_cases():
    for scale in (1.0, 40.0):
        for declared in ("cross_entropy", {"weighted_cross_entropy": {"class_weights": [0.5, 2.0, 1.25]}}):
            yield case("loss", [layer("linear", units=3)], [("numbers", 4)], declared, scale)
        one = [layer("linear", units=1)]
        for declared in ("binary_cross_entropy", "mean_squared_error", "mean_absolute_error", {"huber": {"delta": 0.75}}):
            yield case("loss", one, [("numbers", 4)], declared, scale)


def optimizer_cases():
    declared = [
        ({"kind": "sgd", "learning_rate": 0.05}, lambda p: torch.optim.SGD(p, 0.05)),
        ({"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1},
         lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.1)),
        ({"kind": "adam", "learning_rate": 0.05}, lambda p: torch.optim.Adam(p, 0.05)),
        ({"kind": "adam", "learning_rate": 0.05, "weight_decay": 0.2},
         lambda p: torch.optim.Adam(p, 0.05, weight_decay=0.2)),
        ({"kind": "adamw", "learning_rate": 0.05, "weight_decay": 0.4},
         lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.4)),
        ({"kind": "adamw", "learning_rate": 0.05}, lambda p: torch.optim.AdamW(p, 0.05)),
    ]
    for optimizer, build in declared:
        for clip in (None, 0.3, 100.0):
            layers, blocks = [layer("linear", units=3), layer("tanh"), layer("linear", units=1)], [("numbers", 4)]
            model, x = sequential(layers, blocks), inputs(blocks)
            targets = draw_targets("mean_squared_error", 1)
            start = tensors(model.named_parameters())
            stepper, after, norms = build(model.parameters()), [], []
            for step in range(6):
                # The third step's rate is half, as a schedule makes it.
                for group in stepper.param_groups:
                    group["lr"] = 0.025 if step == 2 else 0.05
                stepper.zero_grad()
                loss("mean_squared_error", model(x), targets).backward()
                norm = nn.utils.clip_grad_norm_(model.parameters(), clip or math.inf)
                norms.append(float(norm))
                stepper.step()
                after.append(values(model.named_parameters()))
            # Every step is clipped, or none.
            assert clip is None or all((norm > clip) == (clip < 1.0) for norm in norms), norms
            yield {"optimizer": optimizer, "clip": clip, "layers": layers, "blocks": blocks, "tensors": start,
                   "inputs": numbers(x), "targets": targets.tolist(), "after": after}


def factors(build, steps, every=1):
    """What a schedule multiplies the rate by in each step, if it is asked after every so many."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    schedule, result = build(optimizer), []
    for step in range(1, steps + 1):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step % every == 0:
            schedule.step()
    return numbers(torch.tensor(result))


def schedule_cases():
    schedulers = torch.optim.lr_scheduler
    epochs, per_epoch = 6, 4
    steps = epochs * per_epoch
    warm = 2 * per_epoch
    warm_up = lambda optimizer: schedulers.LinearLR(optimizer, 1 / warm, total_iters=warm - 1)
    cosine = {"decay": {"kind": "cosine"}}
    cases = [
        ({}, factors(lambda o: schedulers.LambdaLR(o, lambda _: 1.0), steps)),
        ({"decay": {"kind": "step", "every": 2, "factor": 0.3}},
         factors(lambda o: schedulers.StepLR(o, 2, 0.3), steps, per_epoch)),
        (cosine, factors(lambda o: schedulers.CosineAnnealingLR(o, steps), steps)),
        ({"warm_up": 2}, factors(warm_up, steps)),
        ({"warm_up": 2, **cosine}, factors(lambda o: schedulers.SequentialLR(
            o, [warm_up(o), schedulers.CosineAnnealingLR(o, steps - warm)], [warm]), steps)),
    ]
    for schedule, expected in cases:
        yield {"schedule": schedule, "epochs": epochs, "steps_per_epoch": per_epoch, "factors": expected}


def trained_cases():
    """The outputs of a file of the trainer's, by its names and shapes as they are."""
    blocks, start = image(5, 6, 2)
    layers = [start, layer("conv2d", channels=4, kernel=3, padding=1), layer("group_norm", groups=2), layer("relu"),
              layer("max_pool", size=2), layer("flatten"), layer("linear", units=6), layer("layer_norm"), layer("tanh"),
              layer("linear", units=3)]
    model, x = sequential(layers, blocks), inputs(blocks)
    model.load_state_dict(load_file(Path(__file__).parent / "trained.safetensors"))
    yield {"blocks": blocks, "layers": layers, "inputs": numbers(x), "outputs": numbers(model(x))}


vectors = {
    "torch": torch.__version__,
    "layers": list(layer_cases()),
    "losses": list(loss_cases()),
    "optimizers": list(optimizer_cases()),
    "schedules": list(schedule_cases()),
    "trained": list(trained_cases()),
}
lines = ",\n".join(
    f'"{name}": ' + (json.dumps(value) if isinstance(value, str)
                     else "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in value) + "\n]")
    for name, value in vectors.items())
(Path(__file__).parent / "pytorch.json").write_text("{\n" + lines + "\n}\n")

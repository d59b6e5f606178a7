"""Rows per second of a whole training in PyTorch, private ones by Opacus: the network, table and batch of
`compute-to-data/trainer/examples/speed.rs`.

    peer.py WORK BATCH THREADS SECONDS exact|hooks|ghost    prints one line of JSON: rows per second, and VmHWM in KiB
    peer.py import                                          imports torch and does nothing
"""

import json
import os
import sys
import time
import warnings

# The CUDA build's libraries are stubs here: nothing that is not called may be looked for.
sys.setdlopenflags(os.RTLD_LAZY | os.RTLD_GLOBAL)
import torch
from torch import nn

# Seconds that run before anything is counted.
WARM_UP = 0.3


def perceptron(width):
    return nn.Sequential(nn.Linear(30, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


# The model, the shape of a row, classes, rows.
WORKS = {
    "logistic": (lambda: nn.Linear(30, 2), (30,), 2, 4096),
    "perceptron": (lambda: perceptron(64), (30,), 2, 4096),
    "wide": (lambda: perceptron(512), (30,), 2, 4096),
    "convolutional": (convolutional, (1, 28, 28), 10, 2048),
}


def exact(model, optimizer, x, y, batch, is_over):
    """Whole passes in random order, as the trainer makes them. The loss is read after each step, as there."""
    criterion, total = nn.CrossEntropyLoss(), 0.0
    while True:
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch):
            if is_over():
                return
            chosen = order[start:start + batch]
            optimizer.zero_grad()
            loss = criterion(model(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)


def private(way, model, optimizer, x, y, batch, is_over):
    """DP-SGD. Rows are sampled (Poisson) by one mask and taken at once: Opacus' own loader, which takes them one by one, is
    slower. Its noise is torch's, that of the trainer is a secret stream of ChaCha20."""
    from opacus import PrivacyEngine

    rate = batch / len(x)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch)
    made = PrivacyEngine().make_private(
        module=model, optimizer=optimizer, data_loader=loader, criterion=nn.CrossEntropyLoss(), noise_multiplier=1.0,
        max_grad_norm=1.0, poisson_sampling=True, grad_sample_mode=way)
    model, optimizer = made[0], made[1]
    criterion = made[2] if way == "ghost" else nn.CrossEntropyLoss()
    while not is_over():
        chosen = (torch.rand(len(x)) < rate).nonzero()[:, 0]
        optimizer.zero_grad()
        criterion(model(x[chosen]), y[chosen]).backward()
        optimizer.step()


class Clock:
    """Asked before each step whether time is up, and so counts them."""

    def __init__(self, seconds):
        self.seconds, self.first, self.begin, self.steps, self.took = seconds, None, None, 0, None

    def __call__(self):
        now = time.perf_counter()
        self.first = self.first or now
        if now - self.first < WARM_UP:
            return False
        self.begin = self.begin or now
        if now - self.begin < self.seconds:
            self.steps += 1
            return False
        self.took = now - self.begin
        return True


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main():
    if sys.argv[1:] == ["import"]:
        return
    work, batch, threads, seconds, way = sys.argv[1:]
    warnings.filterwarnings("ignore")
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    build, shape, classes, rows = WORKS[work]
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    x, y = 2 * torch.rand(rows, *shape) - 1, torch.arange(rows) % classes
    clock = Clock(float(seconds))
    if way == "exact":
        exact(model, optimizer, x, y, int(batch), clock)
    else:
        private(way, model, optimizer, x, y, int(batch), clock)
    print(json.dumps({"rows_per_second": clock.steps * int(batch) / clock.took, "peak_kib": peak()}))


main()

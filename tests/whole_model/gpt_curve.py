"""The loss curve of a fixed-seed GPT in PyTorch, that every backend of the engine is held to.

    pip install torch numpy
    python tests/whole_model/gpt_curve.py             # compares with gpt.json
    python tests/whole_model/gpt_curve.py --write     # writes gpt.json anew

Weights and batches come from counters (see `counter` below), so that Rust, JavaScript and this script make the same
ones. gpt.json holds the sizes, and the losses in float64; the script also runs float32 and says how far that is away.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
FILE = HERE / "gpt.json"
CORPUS = HERE.parent.parent / "public/corpus/stories-and-explanations.txt"
SPEC = {
    "layers": 4, "width": 128, "heads": 4, "length": 64, "vocabulary": 256,
    "batch": 2, "batches": 200, "learningRate": 5e-4, "weightSeed": 11, "batchSeed": 12,
}


def counter(seed: int, count: int) -> np.ndarray:
    """mulberry32 by index: element i depends on the seed and on i only. In [0, 1), 24 bits."""
    with np.errstate(over="ignore"):
        i = np.arange(1, count + 1, dtype=np.uint32)
        a = np.uint32(seed) + i * np.uint32(0x6D2B79F5)
        t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1))
        t = (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))) ^ t
        t = t ^ (t >> np.uint32(14))
    return (t >> np.uint32(8)).astype(np.float64) / 16777216


def shapes(spec):
    """(name, shape, kind) in the engine's order; kind: a bound of uniform values, or "ones" or "zeros"."""
    d, hidden = spec["width"], 4 * spec["width"]
    yield "embedding", (spec["vocabulary"], d), 0.05
    yield "positions", (spec["length"], d), 0.05

    def linear(name, inputs, outputs):
        yield f"{name}.weight", (inputs, outputs), inputs**-0.5
        yield f"{name}.bias", (outputs,), "zeros"

    def norm(name):
        yield f"{name}.gain", (d,), "ones"
        yield f"{name}.bias", (d,), "zeros"

    for block in range(spec["layers"]):
        yield from norm(f"{block}.norm1")
        yield from linear(f"{block}.qkv", d, 3 * d)
        yield from linear(f"{block}.out", d, d)
        yield from norm(f"{block}.norm2")
        yield from linear(f"{block}.up", d, hidden)
        yield from linear(f"{block}.down", hidden, d)
    yield from norm("norm")
    yield "head", (d, spec["vocabulary"]), d**-0.5


def weights(spec, dtype):
    """All parameters; the draws of one follow those of the one before."""
    listed = list(shapes(spec))
    draws = counter(spec["weightSeed"], sum(int(np.prod(shape)) for _, shape, _ in listed))
    made, at = {}, 0
    for name, shape, kind in listed:
        count = int(np.prod(shape))
        part = draws[at : at + count]
        at += count
        if kind == "ones":
            values = np.ones(count)
        elif kind == "zeros":
            values = np.zeros(count)
        else:
            values = (np.float32(2 * part - 1) * np.float32(kind)).astype(np.float64)
        made[name] = torch.tensor(values.reshape(shape), dtype=dtype, requires_grad=True)
    return made


def batches(spec):
    """Windows of the corpus: bytes, and the bytes that follow."""
    text = np.frombuffer(CORPUS.read_bytes(), dtype=np.uint8).astype(np.int64)
    length, count = spec["length"], spec["batch"] * spec["batches"]
    starts = np.floor(counter(spec["batchSeed"], count) * (len(text) - length - 1)).astype(np.int64)
    windows = np.stack([text[s : s + length + 1] for s in starts]).reshape(spec["batches"], spec["batch"], length + 1)
    return torch.tensor(windows[:, :, :-1]), torch.tensor(windows[:, :, 1:])


def loss_of(w, spec, x, y):
    batch, length = x.shape
    d, heads = spec["width"], spec["heads"]
    norm = lambda h, name: F.layer_norm(h, (d,), w[f"{name}.gain"], w[f"{name}.bias"], eps=1e-5)
    h = w["embedding"][x] + w["positions"]
    mask = torch.full((length, length), float("-inf"), dtype=h.dtype).triu(1)
    for block in range(spec["layers"]):
        qkv = norm(h, f"{block}.norm1") @ w[f"{block}.qkv.weight"] + w[f"{block}.qkv.bias"]
        q, k, v = (part.view(batch, length, heads, d // heads).transpose(1, 2) for part in qkv.split(d, -1))
        scores = q @ k.transpose(-1, -2) * (d // heads) ** -0.5 + mask
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, d)
        h = h + mixed @ w[f"{block}.out.weight"] + w[f"{block}.out.bias"]
        up = norm(h, f"{block}.norm2") @ w[f"{block}.up.weight"] + w[f"{block}.up.bias"]
        h = h + F.gelu(up, approximate="tanh") @ w[f"{block}.down.weight"] + w[f"{block}.down.bias"]
    logits = norm(h, "norm") @ w["head"]
    return F.cross_entropy(logits.reshape(-1, spec["vocabulary"]), y.reshape(-1))


def curve(spec, dtype):
    w = weights(spec, dtype)
    x, y = batches(spec)
    optimiser = torch.optim.Adam(w.values(), lr=spec["learningRate"], betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for step in range(spec["batches"]):
        loss = loss_of(w, spec, x[step], y[step])
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def main():
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    exact, single = curve(SPEC, torch.float64), curve(SPEC, torch.float32)
    parameters = sum(int(np.prod(shape)) for _, shape, _ in shapes(SPEC))
    apart = max(abs(a - b) for a, b in zip(exact, single))
    print(f"{parameters:,} parameters; loss {exact[0]:.4f} to {exact[-1]:.4f}; float32 is at most {apart:.1e} away")
    if "--write" in sys.argv:
        made = f"torch {torch.__version__.split('+')[0]}, float64"
        FILE.write_text(json.dumps({**SPEC, "madeBy": made, "losses": [round(v, 7) for v in exact]}, indent=1) + "\n")
        return
    known = json.loads(FILE.read_text())
    apart = max(abs(a - b) for a, b in zip(exact, known["losses"], strict=True))
    print(f"gpt.json is at most {apart:.1e} away")
    if apart > 1e-6 or any(known[key] != value for key, value in SPEC.items()):
        sys.exit("gpt.json is not what this script makes: run it with --write and look at the difference.")


if __name__ == "__main__":
    main()

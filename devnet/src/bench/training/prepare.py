"""Makes the environment that peer.py runs in: `python3 prepare.py DIRECTORY`. Does nothing if it is there.

PyPI has PyTorch for x86-64 only as its CUDA build, which asks for CUDA's libraries when it is loaded. Nothing on a processor calls
them, so each is made here as a library of functions that fail; `DIRECTORY/stubs` belongs into LD_LIBRARY_PATH. Needs `cc` and `nm`.
"""

import subprocess
import sys
import venv
from collections import defaultdict
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# What PyTorch 2.4.1 asks for.
LIBRARIES = ("libcublas.so.12 libcublasLt.so.12 libcuda.so.1 libcudart.so.12 libcudnn.so.9 libcufft.so.11 libcupti.so.12 "
             "libcurand.so.10 libcusolver.so.11 libcusparse.so.12 libnccl.so.2 libnvToolsExt.so.1 libnvrtc.so.12").split()
# The driver's, whose functions are asked for without a library's name; those of the others without one are stubbed there too.
UNNAMED = "libcuda.so.1"


def missing_functions(libraries):
    """What the files ask for, by the library whose version it bears."""
    wanted = defaultdict(set)
    for path in libraries:
        told = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True, check=True).stdout
        for symbol in (line.split()[-1] for line in told.splitlines()):
            name, _, version = symbol.partition("@")
            if version.lstrip("@") in LIBRARIES:
                wanted[version.lstrip("@")].add(name)
            elif not version and name.startswith(("cu", "nv", "nccl")):
                wanted[UNNAMED].add(name)
    return wanted


def make_stub(library, functions, folder):
    source, symbols = folder / "stub.c", folder / "stub.map"
    # Any number but 0 is an error of CUDA's.
    source.write_text("".join(f"int {name}(void) {{ return 100; }}\n" for name in sorted(functions)) + "int atoll_stub;\n")
    symbols.write_text(f"{library} {{ global: *; }};\n")
    versioned = [] if library == UNNAMED else [f"-Wl,--version-script={symbols}"]
    subprocess.run(["cc", "-shared", "-fPIC", "-fno-builtin", f"-Wl,-soname,{library}", *versioned, "-o", folder / library,
                    source], check=True)


def main():
    folder = Path(sys.argv[1])
    # A copy of what was installed, written last: it is there only if all is.
    stamp, wanted = folder / "atoll-stamp", REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    venv.create(folder, clear=True, with_pip=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                    "--no-cache-dir", "--no-deps", "-r", REQUIREMENTS], check=True)
    stubs = folder / "stubs"
    stubs.mkdir()
    functions = missing_functions(folder.glob("lib/python3*/site-packages/torch/lib/*.so*"))
    for library in LIBRARIES:
        make_stub(library, functions[library], stubs)
    stamp.write_text(wanted)


main()

"""Compile a Triton kernel for a GPU that is not here. Import it after triton is known to be there."""

import re
import subprocess
import tempfile
from typing import NamedTuple

from triton import compile, knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# What one program may use, in bytes: CUDA C++ Programming Guide, Technical Specifications per Compute Capability.
SHARED_MEMORY = {75: 64 * 1024, 80: 163 * 1024, 89: 99 * 1024, 90: 227 * 1024}


class Compiled(NamedTuple):
    """A kernel as ptxas made it: bytes of shared memory, the PTX that it read, and the machine code."""

    shared: int
    ptx: str
    cubin: bytes

    def registers_and_stack(self):
        """(registers, bytes of stack) of a thread, as cuobjdump tells them."""
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(self.cubin)
            file.flush()
            usage = subprocess.check_output([knobs.nvidia.cuobjdump.path, "-res-usage", file.name], text=True)
        return tuple(map(int, re.search(r"REG:(\d+) STACK:(\d+)", usage).groups()))


def cross_compile(kernel, types, constants, capability, **options):
    """`kernel` for this compute capability, through ptxas.

    types: {argument: "*bf16", "i32", …}; constants: {argument: value}, compile-time. Pointers and whole numbers count
    as multiples of 16, as they are for most tensors. options: num_warps, num_stages.
    """
    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types[name] for name in names}
    even = [(i,) for i, name in enumerate(names) if signature[name][0] in "*i"]
    source = ASTSource(
        fn=kernel,
        signature=signature,
        constexprs={(names.index(name),): constant for name, constant in constants.items()},
        attrs={place: [["tt.divisibility", 16]] for place in even},
    )
    compiled = compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    return Compiled(compiled.metadata.shared, compiled.asm["ptx"], compiled.asm["cubin"])

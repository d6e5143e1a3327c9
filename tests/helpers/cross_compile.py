"""Compile a Triton kernel for a GPU that is not here. Import it after triton is known to be there."""

from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# What one program may use, in bytes: CUDA C++ Programming Guide, Technical Specifications per Compute Capability.
SHARED_MEMORY = {75: 64 * 1024, 80: 163 * 1024, 89: 99 * 1024, 90: 227 * 1024}


def cross_compile(kernel, types, constants, capability, **options):
    """(bytes of shared memory, PTX) of `kernel` for this compute capability, through ptxas.

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
    return compiled.metadata.shared, compiled.asm["ptx"]

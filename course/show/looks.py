"""What models and kernels are called where time is drawn, and how each looks."""

from . import theme

# A model keeps its colour, dash and marker in every lesson.
STYLES = {
    "attention": (theme.ATTENTION, "solid", "circle"),
    "Elman RNN": (theme.RNN, "solid", "square"),
    "LSTM": (theme.LSTM, "dash", "diamond"),
    "GRU": (theme.GRU, "dot", "triangle-up"),
}

# The model that a contest of helpers.contests times, by the first word of its name.
CONTESTS = {
    "attention": theme.ATTENTION,
    "decode_attention": theme.ATTENTION,
    "elman": theme.RNN,
    "gru": theme.GRU,
    "linear_attention": theme.ACCENT,
    "linear_recurrence": theme.ACCENT,
    "lstm": theme.LSTM,
    "min_gru": theme.GRU,
    "newton_recurrence": theme.RNN,
}

# Kernels of one model share its colour: what tells them apart is a name, a dash and a marker, no two alike in a contest.
_OURS, _OURS_TOO, _CHOICE = ("solid", "circle"), ("dashdot", "triangle-down"), ("longdashdot", "pentagon")
_LIBRARY, _LIBRARY_TOO = ("dash", "square"), ("longdash", "diamond")
_THIRD, _FOURTH, _WHOLE = ("3px,9px", "cross"), ("8px,3px,2px,3px,2px,3px", "star"), ("10px,2px", "x")
_LOOP, _COPY, _COPY_USED = ("dot", "triangle-up"), ("2px,3px", "hourglass"), ("2px,6px", "bowtie")
_COPY_NEW = ("6px,2px", "hexagon")
KERNELS = {
    "accelerated-scan": ("accelerated-scan", _THIRD),
    "associative_scan": ("torch associative scan", _LIBRARY_TOO),
    "auto": ("our choice (auto)", _CHOICE),
    "blelloch": ("Blelloch", _WHOLE),
    "chunked": ("in chunks", _OURS_TOO),
    "copy": ("copying as much", _COPY),
    "copy (new memory)": ("copying as much (new memory)", _COPY_NEW),
    "copy (used memory)": ("copying as much (used memory)", _COPY_USED),
    "cudnn": ("cuDNN", _LIBRARY),
    "dense": ("Newton (dense)", _OURS),
    "diagonal": ("Newton (diagonal)", _OURS_TOO),
    "fla": ("flash-linear-attention", _LIBRARY),
    "flash": ("our kernel (flash)", _OURS),
    "fused": ("our kernel (fused)", _OURS),
    "graph": ("CUDA graph", _CHOICE),
    "hillis_steele": ("Hillis and Steele", _FOURTH),
    "hoisted": ("Python loop (hoisted)", _OURS_TOO),
    "log": ("scan of logarithms", _OURS_TOO),
    "loop": ("Python loop", _LOOP),
    "naive": ("whole matrix", _WHOLE),
    "nn": ("torch.nn", _THIRD),
    "nn.GRU": ("torch.nn.GRU", _LIBRARY_TOO),
    "nn.RNN": ("torch.nn.RNN", _LIBRARY),
    "online": ("online softmax", _OURS_TOO),
    "parallel": ("whole matrix", _WHOLE),
    "recurrent": ("Python loop", _LOOP),
    "scan": ("our scan", _OURS),
    "sdpa": ("torch SDPA", _LIBRARY_TOO),
    "sdpa cudnn": ("torch SDPA: cuDNN", _FOURTH),
    "sdpa efficient": ("torch SDPA: memory-efficient", _THIRD),
    "sdpa flash": ("torch SDPA: FlashAttention", _LIBRARY),
    "torch": ("torch", _LIBRARY_TOO),
    "triton": ("our kernel (Triton)", _OURS),
}


def name(kernel):
    """What a student calls the kernel that helpers.contests labels so."""
    return KERNELS[kernel][0] if kernel in KERNELS else str(kernel)


def looks(kernels, contest):
    """{kernel: (colour, dash, marker)}, a model among them as in every lesson; contest: the name, "" if unknown."""
    common = CONTESTS.get(contest.partition(" ")[0].rstrip(","), theme.MUTED)
    free = [look for _, look in KERNELS.values() if look not in [KERNELS.get(kernel, (0, 0))[1] for kernel in kernels]]
    free = list(dict.fromkeys(free)) or [_OURS]
    unknown = [kernel for kernel in kernels if kernel not in STYLES and kernel not in KERNELS]
    found = {}
    for kernel in kernels:
        if kernel in STYLES:
            found[kernel] = STYLES[kernel]
        elif kernel in KERNELS:
            found[kernel] = (theme.MUTED if kernel.startswith("copy") else common, *KERNELS[kernel][1])
        else:
            found[kernel] = (common, *free[unknown.index(kernel) % len(free)])
    return found

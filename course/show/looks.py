"""What models and kernels are called where time is drawn, and how each looks."""

from dataclasses import dataclass

from helpers.measuring.contests import model_of

from . import theme


@dataclass(frozen=True)
class Look:
    """How a line is drawn: colour, plotly's dash, plotly's marker."""

    colour: str
    dash: str
    marker: str


# A model keeps its look in every lesson.
MODELS = {
    "attention": Look(theme.ATTENTION, "solid", "circle"),
    "Elman RNN": Look(theme.RNN, "solid", "square"),
    "LSTM": Look(theme.LSTM, "dash", "diamond"),
    "GRU": Look(theme.GRU, "dot", "triangle-up"),
}

# By the model that a contest of helpers.measuring.contests times.
CONTEST_COLOURS = {
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

# Kernels of one model share its colour. A name, a dash and a marker tell them apart, no two alike in a contest.
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
    """What a student calls the kernel that helpers.measuring.contests labels so."""
    return KERNELS[kernel][0] if kernel in KERNELS else str(kernel)


def is_copy(kernel):
    """Whether it computes nothing, and only moves as many bytes."""
    return str(kernel).startswith("copy")


def looks(kernels, contest):
    """{kernel: Look}; a model has the look of every lesson. contest: its name, "" if unknown."""
    colour = CONTEST_COLOURS.get(model_of(contest), theme.MUTED)
    unnamed = [kernel for kernel in kernels if kernel not in MODELS and kernel not in KERNELS]
    strokes = dict(zip(unnamed, _unused_strokes(kernels, len(unnamed)), strict=True))
    strokes |= {kernel: KERNELS[kernel][1] for kernel in kernels if kernel in KERNELS}
    return {
        kernel: MODELS[kernel]
        if kernel in MODELS
        else Look(theme.MUTED if is_copy(kernel) else colour, *strokes[kernel])
        for kernel in kernels
    }


def _unused_strokes(kernels, count):
    """(dash, marker) for `count` kernels that have no name here, unlike those of the others while there are any."""
    used = {KERNELS[kernel][1] for kernel in kernels if kernel in KERNELS}
    every = list(dict.fromkeys(stroke for _, stroke in KERNELS.values()))
    free = [stroke for stroke in every if stroke not in used] or every
    return [free[place % len(free)] for place in range(count)]

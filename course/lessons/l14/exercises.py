"""Lesson 14: days of training, steps that wait for each other, where attention is cheaper, what PaLM has paid for."""

import math

from helpers import cost

from ...exercises import Exercise, plural, require


def near(number, expected):
    """Equal to a hundredth of a percent: nobody has to round as we do."""
    return math.isclose(number, expected, rel_tol=1e-4)


# ---- days

# The smallest first; everything differs in every row, so that no two mistakes give the same days.
RUNS = [
    (10**6, 10**9, 1, 2 * 10**9, 0.7),
    (2 * 10**9, 5 * 10**10, 16, 10**14, 0.4),
    (7 * 10**9, 3 * 10**11, 100, 3e14, 0.25),
]


def _days(weights, tokens, devices, peak, used, passes=3):
    return cost.Cluster(devices, peak).days(cost.training_flop(weights, tokens, passes=passes), used=used)


def check_days(student):
    for weights, tokens, devices, peak, used in RUNS:
        setting = f"{weights:,} weights, {tokens:,} words, {plural(devices, 'device')}, a peak of {peak:.3g} and {used} of it used"
        days = student.number(weights, tokens, devices, peak, used, on=setting)
        right = _days(weights, tokens, devices, peak, used)
        if not near(days, right):
            _name_the_days(setting, days / right, devices, used, days, right)


def _name_the_days(setting, share, devices, used, days, right):
    """share: what was answered, over the days that are right."""
    mistakes = {
        1
        / 3: "that is the way there alone, 2 operations for each weight and word. The way back has two products more.",
        1 / 2: "that counts multiply–adds. Each is two operations, and a peak counts operations.",
        used: "that is at the peak. Only a part of it is used: the run takes longer.",
        used**2: "the share that is used is on the wrong side: with less of the peak used, a run takes longer.",
        24.0: "those are hours.",
        86_400.0: "those are seconds.",
        1440.0: "those are minutes.",
        4 / 3: "that is right where activations are computed twice, 8 N D. Here they are computed once: 6 N D.",
    }
    if devices > 1:
        mistakes[float(devices)] = "that is one device alone. They share the work."
        mistakes[float(devices) ** 2] = "more devices make it longer here. They share the work: divide."
    for factor, sentence in mistakes.items():
        require(not near(share, factor), f"{setting}: {days:.4g} days, and {sentence}")
    require(abs(days - right) > 1, f"{setting}: {right:.4g} days, you find {days:.4g}. Do not round.")
    require(
        False,
        f"{setting}: {right:.4g} days, you find {days:.4g}. Six operations for each weight and word, over what all devices do "
        "in a second, over 86,400 seconds.",
    )


# ---- steps

SIZES = [(60, 20, 5, 3), (10, 10, 5, 1), (10**9, 10**5, 500, 10), (3 * 10**11, 3_200_000, 2048, 96)]


def check_steps(student):
    for tokens, batch, T, layers in SIZES:
        setting = f"{tokens:,} words in batches of {batch:,}, texts of {T:,}, {plural(layers, 'layer')}"
        steps = student.number(tokens, batch, T, layers, on=setting)
        updates = tokens / batch
        right = updates * (T + layers - 1) * 2
        if not near(steps, right):
            _name_the_steps(setting, steps, right, (tokens, batch, T, layers))


def _name_the_steps(setting, steps, right, sizes):
    tokens, batch, T, layers = sizes
    updates = tokens / batch
    mistakes = [
        (right / 2, "that is the way there alone. The way back has as many steps, from the last word to the first."),
        (
            updates * T * layers * 2,
            "that is layer by layer. Layers overlap: a layer starts when the one below has one word.",
        ),
        (updates * T * layers, "that is layer by layer, and the way there alone."),
        (
            updates * (T + layers) * 2,
            "one step too many in each wave: the first step is both the first word's and layer's.",
        ),
        (
            tokens / T * (T + layers - 1) * 2,
            "that is an update for each text. The texts of a batch go through together.",
        ),
        (tokens / (batch * T) * (T + layers - 1) * 2, "the batch is given in words, not in texts."),
        (updates * T * 2, "that is one layer. The wave has to reach the top one: it starts later."),
        (updates * T, "that is one layer, and the way there alone."),
        ((T + layers - 1) * 2, "that is one update. How many batches are there?"),
    ]
    for number, sentence in mistakes:
        require(not near(steps, number), f"{setting}: {steps:,.6g}. {_capital(sentence)}")
    require(
        False,
        f"{setting}: {right:,.6g} steps, you find {steps:,.6g}. Batches, times the steps of a wave, there and back.",
    )


def _capital(sentence):
    return sentence[0].upper() + sentence[1:]


# ---- cheaper

LAYERS = [(3, 2), (4, 3), (1, 10), (2, 10), (3, 100), (4, 100), (6, 64)]


def check_cheaper(student):
    answers = {}
    for gates, d in LAYERS:
        setting = f"{plural(gates, 'gate')} and width {d}"
        n = student.number(gates, d, on=setting)
        require(n == int(n), f"{setting}: {n:g} is no number of words. The largest whole n is asked for.")
        answers[gates, d] = int(n)
    for (gates, d), n in answers.items():
        if n != _cheaper_up_to(gates, d):
            _name_the_largest(answers, gates, d, n)


def _attention(n, d):
    return cost.attention(n, d).work


def _recurrent(n, gates, d):
    return 2 * gates * n * d * d


def _cheaper_up_to(gates, d):
    """4nd² + 2n²d < 2·gates·n·d², so n < (gates − 2)·d."""
    return max(0, (gates - 2) * d - 1)


def _name_the_largest(answers, gates, d, n):
    setting = f"{plural(gates, 'gate')} and width {d}"
    everywhere = {
        "that is Table 1, n < d, at every number of gates. It leaves out the projections and the gates": lambda g, w: (
            w - 1
        ),
        "you left out attention's four projections, 4 n d²": lambda g, w: g * w - 1,
        "you counted one of attention's two products over n²": lambda g, w: max(0, 2 * (g - 2) * w - 1),
        "you counted three projections. The fourth joins the heads": lambda g, w: max(
            0, (2 * g - 3) * w // 2 - 1 + (2 * g - 3) * w % 2
        ),
        "you counted the weights from state to state alone. Those from the word below are as many": lambda g, w: max(
            0, (g - 4) * w // 2 - 1 + (g - 4) * w % 2
        ),
        "at this n the two cost the same. Fewer is asked for": lambda g, w: max(0, (g - 2) * w),
        "that is attention that looks back only, half of the square. Here each word reads all": lambda g, w: max(
            0, 2 * (g - 2) * w - 2
        ),
    }
    for sentence, rule in everywhere.items():
        require(
            any(answer != rule(*layer) for layer, answer in answers.items()),
            f"{setting}: you find {n:,}; {sentence}.",
        )
    require(n >= 0, f"{setting}: {n:,} is no number of words. Where attention is never cheaper, the answer is 0.")
    if n > 0:
        costs = f"attention takes {_attention(n, d):,} multiply–adds, the recurrent layer {_recurrent(n, gates, d):,}"
        require(
            _attention(n, d) < _recurrent(n, gates, d),
            f"{setting}: you find n = {n:,}. There {costs}: not fewer.",
        )
    further = n + 1
    costs = f"{_attention(further, d):,} multiply–adds against {_recurrent(further, gates, d):,}"
    require(False, f"{setting}: you find n = {n:,}, and at {further:,} attention is still cheaper, {costs}.")


# ---- paid

PHASES = [
    (10, 900, [(2, 5)], 100.0),
    (540 * 10**9, 780 * 10**9, [(6144, 1200), (3072, 336)], 275e12),
    (10**9, 10**10, [(4, 30), (8, 20), (2, 50)], 1e14),
]


def _paid(weights, tokens, phases, peak, passes=3):
    chip_seconds = 3600 * sum(chips * hours for chips, hours in phases)
    return cost.training_flop(weights, tokens, passes=passes) / (chip_seconds * peak)


def check_paid(student):
    for weights, tokens, phases, peak in PHASES:
        listed = ", then ".join(f"{plural(chips, 'chip')} for {hours:g} hours" for chips, hours in phases)
        setting = f"{weights:,} weights, {tokens:,} words, {listed}"
        share = student.number(weights, tokens, list(phases), peak, on=setting)
        right = _paid(weights, tokens, phases, peak)
        if not near(share, right):
            _name_the_share(setting, share, right, phases)


def _name_the_share(setting, share, right, phases):
    used = sum(chips * hours for chips, hours in phases)
    most, hours_in_all = max(chips for chips, _ in phases), sum(hours for _, hours in phases)
    mistakes = {
        1 / 3: "that is the way there alone, 2 N D",
        1 / 2: "that counts multiply–adds; a peak counts operations, 6 N D",
        4 / 3: "that is 8 N D, with activations computed twice: work that was done, and that the model does not need",
        3600.0: "an hour has 3,600 seconds",
        100.0: "that is per cent. A share is asked for, between 0 and 1",
        used / (phases[0][0] * phases[0][1]): "that is the first phase's chip hours alone. All were paid for",
        used / (most * hours_in_all): "that takes the most chips for all hours. Later there were fewer, or others",
        used
        / (
            sum(chips for chips, _ in phases) * hours_in_all
        ): "that takes all chips for all hours. Multiply in each phase, then add",
    }
    for factor, sentence in mistakes.items():
        require(not near(share / right, factor), f"{setting}: {share:.4g}. {_capital(sentence)}.")
    require(
        False,
        f"{setting}: {right:.4g}, you find {share:.4g}. Six operations for each weight and word, over what all these chips could "
        "have done in all their hours.",
    )


EXERCISES = [
    Exercise(
        id="1",
        function="training_days",
        task="Say how many days a training run takes.",
        hints=(
            "How many operations are there in all? How many do all devices together do in a second?",
            "Six for each weight and word. Of each device's peak only the share `used` is reached.",
            "6 * weights * tokens / (devices * peak * used) seconds; a day has 86,400.",
        ),
        check=check_days,
    ),
    Exercise(
        id="2",
        function="steps_in_turn",
        task="Say how many steps wait for each other when a stack of recurrent layers is trained.",
        hints=(
            "How many batches are there, one after the other? All texts of a batch go through together.",
            "A stack advances as a wave (lesson 02): a layer starts one step after the one below. Then comes the way back.",
            "tokens / batch_tokens updates, T + L − 1 steps there, as many back.",
        ),
        check=check_steps,
    ),
    Exercise(
        id="3",
        function="cheaper_up_to",
        task="Find the largest n at which a layer of attention takes fewer multiply–adds than a recurrent one.",
        hints=(
            "Attention: four projections of n words, then every word with every word, twice. The recurrent layer: for each gate "
            "a product with the state and one with the word.",
            "Attention 4 n d² + 2 n² d, the recurrent layer 2 · gates · n d². Divide both by n d.",
            "4 d + 2 n < 2 · gates · d, so n < (gates − 2) d. With one gate or two it never is: 0.",
        ),
        check=check_cheaper,
    ),
    Exercise(
        id="4",
        function="share_paid",
        task="Say which share of what all chip hours could do the model needed, for a run in several phases.",
        hints=(
            "What could the chips of one phase have done, at their peak, in all its hours?",
            "Chips times hours in each phase, added up, times 3,600, times the peak. And the model needs 6 N D.",
            "6 * weights * tokens / (3600 * peak * sum(chips * hours for chips, hours in phases))",
        ),
        check=check_paid,
    ),
]

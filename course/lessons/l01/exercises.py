"""Lesson 01: one step, all steps, the graph of three nets in training, and a net that remembers for ever."""

import torch

from helpers import elman, span_of
from helpers.counting import rounds as graphs

from ...exercises import Exercise, Wrong, close, in_float64, kind, plural, require, shown
from ...models.tiny import VECTORS, random_words


def _weights(generator, width, D):
    """U, W and b: strong enough that a part left out shows, weak enough that tanh does not hide it."""

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return 0.7 * random(D, width), 0.7 * random(D, D), 0.7 * random(D)


def _numbers(generator, *shape):
    return torch.rand(*shape, generator=generator, dtype=torch.float64) * 1.6 - 0.8


def check_step(student):
    generator = torch.Generator().manual_seed(11)
    for B, width, D in ((1, 2, 2), (3, 3, 3), (2, 5, 4)):
        U, W, b = _weights(generator, width, D)
        x, h = _numbers(generator, B, width), _numbers(generator, B, D)
        sizes = f"B = {B}, Din = {width}, D = {D}"
        new = student.tensor(
            x, h, U, W, b, shape=(B, D), meaning="one new state of width D for each of B sentences", on=sizes
        )
        pushed = x @ U.T + h @ W.T + b
        if close(new, pushed.tanh()):
            continue
        _name_the_function(new, pushed)
        _name_the_part(
            new, {"the word, x Uᵀ": x @ U.T, "the old state, h Wᵀ": h @ W.T, "the constant b": b.expand(B, D)}
        )
        apart = (x @ U.T).tanh() + (h @ W.T + b).tanh()
        require(not close(new, apart), "two tanh are added. Add word and state first, then take one tanh of the sum.")
        if width == D:
            _name_the_matrix(new, x, h, U, W, b)
        gap = (new - pushed.tanh()).abs().max().item()
        require(False, f"for {sizes} the new state is off by up to {gap:.2g}.")


def _name_the_function(new, pushed):
    require(not close(new, pushed), "the tanh is missing: without it the new state can leave the range −1 to 1.")
    require(not close(new, pushed.sigmoid()), "this is the sigmoid of the sum. An Elman step takes the tanh.")


def _name_the_part(new, parts):
    pushed = sum(parts.values())
    for name, part in parts.items():
        require(not close(new, (pushed - part).tanh()), f"inside the tanh the sum lacks {name}.")
        require(not close(new, (pushed - part).tanh() + part), f"outside the tanh stands {name}; it belongs inside.")


def _name_the_matrix(new, x, h, U, W, b):
    crossed = {"U": x @ U + h @ W.T + b, "W": x @ U.T + h @ W + b, "U and W": x @ U + h @ W + b}
    for name, other in crossed.items():
        require(
            not close(new, other.tanh()),
            f"{name} must be transposed here. U @ x becomes x @ U.T when the words are rows; square matrices do not "
            "complain.",
        )
    swapped = x @ W.T + h @ U.T + b
    require(not close(new, swapped.tanh()), "U and W are exchanged: U meets the word, W the old state.")


def check_unroll(student):
    generator = torch.Generator().manual_seed(12)
    # As many sentences as words first: there a loop over the wrong axis runs, and can be named.
    for B, T, width, D in ((3, 3, 2, 4), (1, 3, 2, 2), (2, 6, 3, 4), (3, 1, 2, 5), (4, 9, 3, 2)):
        U, W, b = _weights(generator, width, D)
        inputs, hidden = _numbers(generator, B, T, width), _numbers(generator, B, D)
        sizes = f"B = {B}, T = {T}, Din = {width}, D = {D}"

        def states(inputs=inputs, hidden=hidden, b=b, U=U, W=W):
            return elman(inputs, U, W, b, hidden=hidden, method="loop")

        answer = student(inputs, hidden, U, W, b, on=sizes)
        _name_the_shape(answer, states(), sizes)
        answer = student.tensor(
            inputs,
            hidden,
            U,
            W,
            b,
            shape=(B, T, D),
            meaning=f"{plural(T, 'state')} of width {D} for each of {plural(B, 'sentence')}",
            on=sizes,
        )
        if close(answer, states()):
            continue
        _name_the_axis(answer, inputs, states)
        _name_the_start(answer, inputs, hidden, states, (U, W, b))
        _name_the_words(answer, inputs, states)
        _name_the_stack(answer, hidden, states())
        _name_the_first_wrong_state(answer, states(), sizes)


def _name_the_shape(answer, expected, sizes):
    B, T, D = expected.shape
    require(
        not (isinstance(answer, (list, tuple)) and len(answer) == T),
        "a list of states comes back. Make one tensor of it: torch.stack(states, dim=1).",
    )
    shape = tuple(answer.shape) if isinstance(answer, torch.Tensor) else None
    require(
        shape != (B, D) or T == 1,
        f"with {sizes} only the last state comes back. Return the states after every word, (B, T, D).",
    )
    require(
        shape != (B, T + 1, D),
        f"with {sizes} the shape is {shape}: h_0 is among the states. Return the {T} that the net has made.",
    )
    require(
        shape != (B, B, D) or B == T,
        f"with {sizes} the shape is {shape}: as many states as sentences. There are inputs.shape[1] words; len(inputs) "
        "counts the sentences.",
    )
    if shape == (T, B, D):
        answer = answer.detach().to(torch.float64)
        is_turned = close(answer.transpose(0, 1), expected) and not (T == B and close(answer, expected))
        require(
            not is_turned,
            f"with {sizes} the states stand as (T, B, D), and should stand as (B, T, D). Stack them along the second axis: "
            "torch.stack(states, dim=1).",
        )


def _name_the_axis(answer, inputs, states):
    """Loops that run over the sentences instead of the words, where there are as many of one as of the other."""
    B, T, _ = inputs.shape
    if B != T:
        return
    across = states(inputs.transpose(0, 1))
    require(
        not (close(answer, across) or close(answer, across.transpose(0, 1))),
        "the loop runs over the sentences: `for x in inputs` takes the first axis, B. Word t of all sentences is "
        "inputs[:, t].",
    )


def _name_the_start(answer, inputs, hidden, states, weights):
    U, W, b = weights
    require(
        not close(answer, states(hidden=torch.zeros_like(hidden))),
        "it starts from zeros. The state before the first word is given: hidden.",
    )
    require(not close(answer, states(b=None)), "the constant b is missing.")
    alone = (inputs @ U.T + (hidden @ W.T)[:, None] + b).tanh()
    require(
        not close(answer, alone),
        "every step starts from h_0. Hand the new state on: the next step needs the state just made.",
    )
    stateless = (inputs @ U.T + b).tanh()
    require(not close(answer, stateless), "the old state is not used: each state depends on its own word only.")
    linear, state = [], hidden
    for x in inputs.unbind(1):
        state = x @ U.T + state @ W.T + b
        linear.append(state)
    require(not close(answer, torch.stack(linear, dim=1)), "the tanh is missing from the step.")


def _name_the_words(answer, inputs, states):
    backwards = states(inputs.flip(1))
    require(
        not (close(answer, backwards) or close(answer, backwards.flip(1))),
        "the words are read from the last to the first.",
    )
    first = inputs[:, :1].expand_as(inputs)
    require(not close(answer, states(first)), "every step reads the first word. Step t reads inputs[:, t].")


def _name_the_stack(answer, hidden, expected):
    B, T, D = expected.shape
    require(
        not close(answer, expected[:, -1:].expand(B, T, D)),
        "all states are the same, the last one: one tensor was overwritten T times. Make a new one at each step.",
    )
    late = torch.cat([hidden[:, None], expected[:, :-1]], dim=1)
    require(
        not close(answer, late),
        "the states are one word late: h_0 is the first, and the last is missing. Append after the step.",
    )


def _name_the_first_wrong_state(answer, expected, sizes):
    wrong = next(t for t in range(expected.shape[1]) if not close(answer[:, t], expected[:, t]))
    require(wrong > 0, f"with {sizes} the first state is already wrong: it should be tanh(x Uᵀ + h Wᵀ + b).")
    require(False, f"with {sizes} the states are right up to word {wrong}, and wrong from word {wrong + 1} on.")


def _reaches(graph):
    """{node: everything it waits for, directly or through others}"""
    reached = {}

    def from_node(node):
        if node not in reached:
            reached[node] = set(graph[node]).union(*(from_node(needed) for needed in graph[node]))
        return reached[node]

    return {node: from_node(node) for node in graph}


def check_forced_graph(student):
    for T in (1, 3, 5):
        for net in ("output", "hidden", "both"):
            answer, call = student(net, T), f'forced_graph("{net}", {T})'
            require(isinstance(answer, dict), f"{call} is {kind(answer)}, not a dict {{result: [results]}}.")
            for node, needed in answer.items():
                require(
                    isinstance(needed, (list, tuple, set)),
                    f"{call}: what {node} waits for is {shown(needed)}. Put it in a list, which may be empty.",
                )
            right = graphs.recurrent_with_outputs(T, net, teacher_forcing=True)
            _compare_results(answer, right, call)
            _compare_waits(_reaches(answer), _reaches(right), net, call)


def _compare_results(graph, right, call):
    results = [node for node in right if node[0] == "h"], [node for node in right if node[0] == "y"]
    wanted = ", ".join(node for nodes in results for node in nodes)
    for node in right:
        require(node in graph, f"{call} has no {node}. Computed are {wanted}.")
    for node in graph:
        require(node in right, f"{call} computes {node} too. Computed are only {wanted}.")
    for node, needed in graph.items():
        for other in needed:
            require(
                other in right,
                f"{call}: {node} waits for {other!r}, which nobody computes. Words, true outputs and the start are "
                "given; list only results, h1, y1 and so on.",
            )
    try:
        span_of(graph)
    except ValueError as error:
        raise Wrong(f"{call}: {error}") from None


def _compare_waits(waits, wanted, net, call):
    for node in wanted:
        for other in sorted(wanted[node] - waits[node]):
            missing = f"{call}: {node} does not wait for {other}."
            require(
                other[0] == "y" or node[0] == "y",
                f"{missing} The teacher knows the true outputs; nobody knows a true hidden state, so one that is fed back "
                "has to be computed.",
            )
            require(False, f"{missing} An output is made from the state of its word.")
        for other in sorted(waits[node] - wanted[node], reverse=True):  # outputs first: they bring states along
            needless = f"{call}: {node} waits for {other}"
            require(
                other[0] == "h",
                f"{needless}. Under teacher forcing the true output is fed back instead, and that is there before the "
                "training starts.",
            )
            require(net != "output" or node[0] == "y", f"{needless}, but this net feeds back no hidden state.")
            require(False, f"{needless}, which it does not need.")


STARTS = torch.tensor([[0.9, 0.9], [-0.9, -0.9]], dtype=torch.float64)
APART = 0.5  # states that differ by less do not tell where they began


def check_keeper(student):
    answer = student()
    require(
        isinstance(answer, (tuple, list)) and len(answer) == 2,
        f"keeper returned {kind(answer)}; two matrices are needed: return U, W.",
    )
    U, W = (in_float64(matrix, name) for matrix, name in zip(answer, ("U", "W"), strict=True))
    for name, matrix in (("U", U), ("W", W)):
        shape = tuple(matrix.shape)
        require(shape == (2, 2), f"{name} has shape {shape}; states and words have two numbers, so it is (2, 2).")
    words = random_words(6000)
    one, other = (elman(words[None], U, W, hidden=start[None])[0] for start in STARTS)
    _require_words_that_move(U, one)
    apart = (one - other).abs().amax(dim=1)
    forgotten = (apart < APART).nonzero().flatten()
    if not len(forgotten):
        return
    first = int(forgotten[0])
    lost = f"after {plural(first + 1, 'word')} the two states are {apart[first]:.2g} apart, so the start is lost. "
    shrinks = torch.linalg.eigvals(W).abs().max().item()
    require(
        shrinks > 1,
        lost
        + f"W alone cannot hold a state: the largest size of its eigenvalues is {shrinks:.2g}. Take a W with one above 1.",
    )
    quiet = elman(0.01 * words[None], U, W, hidden=STARTS[:1])[0], elman(0.01 * words[None], U, W, hidden=STARTS[1:])[0]
    held = (quiet[0] - quiet[1]).abs().amax(dim=1).min().item() > APART
    require(
        not held,
        lost + "With words a hundred times as quiet it would hold: let W hold more strongly, or the words in less.",
    )
    require(
        False,
        lost
        + f"With words a hundred times as quiet the two states still come closer than {APART}: W holds too weakly.",
    )


def _require_words_that_move(U, states):
    """Each word of the vocabulary must change the state that it meets."""
    for word, vector in VECTORS.items():
        pushed = U @ torch.tensor(vector, dtype=torch.float64)
        change = (pushed * (1 - states[-1] ** 2)).abs().max().item()  # to first order, where tanh is flattest
        require(
            change > 1e-6 or pushed.abs().max() < 0.01,
            f"“{word}” hardly moves the state (by {change:.1g}): it is pressed so hard against −1 or 1 that no word counts. "
            "Let W hold less strongly.",
        )
        require(
            change > 1e-6,
            f"“{word}” hardly moves the state (by {change:.1g}): a net that does not listen keeps its start easily. "
            "Let U let every word in.",
        )


EXERCISES = [
    Exercise(
        id="1",
        function="rnn_step",
        task="Write one step of the RNN for B sentences at once.",
        hints=(
            "For one sentence it is tanh(U @ x + W @ h + b). Now each sentence is a row of x and of h.",
            "U @ x for a column is x @ U.T for rows, (B, Din) @ (Din, D). Adding b adds it to each row.",
            "torch.tanh(x @ U.T + … + b): what stands for W @ h when the states are rows?",
        ),
        check=check_step,
    ),
    Exercise(
        id="2",
        function="rnn_unroll",
        task="Write the loop over the words: all states of B sentences.",
        hints=(
            "A loop over t. Keep two things: the state that the next step needs, and a list of all states so far.",
            "inputs[:, t] is word t of all sentences, (B, Din). A new state replaces the old one and joins the list.",
            "In the loop hidden = torch.tanh(…) and states.append(hidden); after it torch.stack(states, dim=…).",
        ),
        check=check_unroll,
    ),
    Exercise(
        id="3",
        function="forced_graph",
        task="Draw who waits for whom in training, for a net that feeds back its output, its hidden state, or both.",
        hints=(
            "Under teacher forcing the true output of word t − 1 is given. Which feedback is left to wait for?",
            "A state waits for the one before only where hidden states are fed back. The first word waits for nobody.",
            'graph[f"h{t}"] = [f"h{t - 1}"] if … and t > 1 else []. For which values of feeds_back?',
        ),
        check=check_forced_graph,
    ),
    Exercise(
        id="4",
        function="keeper",
        task="Build a net of two numbers that remembers its start for ever, while every word still moves it.",
        hints=(
            "One number first: h = tanh(w h + u x). For which w does h stay on its side of 0, whatever small x comes?",
            "With w = 3, tanh(3 · 0.9) is 0.99: the state pulls itself back. How large may u x be before it falls over?",
            "W = 3 times the unit matrix, and U a tenth of the unit matrix; float64 is not needed.",
        ),
        check=check_keeper,
    ),
]

"""Lesson 01: one step, all steps, the graph of three nets in training, and how many rounds they wait."""

import torch

from helpers import elman, span_of
from helpers.counting import rounds as graphs

from ...exercises import Exercise, NotAttempted, Wrong, close, require


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
        found = student.tensor(x, h, U, W, b, shape=(B, D), meaning="one new state of width D for each of B sentences")
        pushed = x @ U.T + h @ W.T + b
        if close(found, pushed.tanh()):
            continue
        require(not close(found, pushed), "the tanh is missing: without it the new state can leave the range −1 to 1.")
        require(not close(found, pushed.sigmoid()), "this is the sigmoid of the sum. An Elman step takes the tanh.")
        parts = {"the word, x Uᵀ": x @ U.T, "the old state, h Wᵀ": h @ W.T, "the constant b": b.expand(B, D)}
        for name, part in parts.items():
            require(not close(found, (pushed - part).tanh()), f"inside the tanh the sum lacks {name}.")
            outside = (pushed - part).tanh() + part
            require(not close(found, outside), f"outside the tanh stands {name}; it belongs inside.")
        apart = (x @ U.T).tanh() + (h @ W.T + b).tanh()
        require(not close(found, apart), "two tanh are added. Add word and state first, then take one tanh of the sum.")
        if width == D:
            crossed = {
                "U": x @ U + h @ W.T + b,
                "W": x @ U.T + h @ W + b,
                "U and W": x @ U + h @ W + b,
            }
            for name, other in crossed.items():
                require(
                    not close(found, other.tanh()),
                    f"{name} must be transposed here. U @ x becomes x @ U.T when the words are rows; square matrices "
                    "do not complain.",
                )
            swapped = x @ W.T + h @ U.T + b
            require(not close(found, swapped.tanh()), "U and W are exchanged: U meets the word, W the old state.")
        gap = (found - pushed.tanh()).abs().max().item()
        require(False, f"for B = {B} words of width {width} and D = {D} the new state is off by up to {gap:.2g}.")


def check_unroll(student):
    generator = torch.Generator().manual_seed(12)
    for B, T, width, D in ((2, 6, 3, 4), (1, 3, 2, 2), (3, 1, 2, 5), (4, 9, 3, 2)):
        U, W, b = _weights(generator, width, D)
        inputs, hidden = _numbers(generator, B, T, width), _numbers(generator, B, D)
        given = f"B = {B}, T = {T}, D = {D}"
        found = student(inputs, hidden, U, W, b)
        require(
            not isinstance(found, (list, tuple)),
            "a list of states comes back. Make one tensor of it: torch.stack(states, dim=1).",
        )
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else None
        require(
            shape != (B, D) or T == 1,
            f"with {given} only the last state comes back. Return the states after every word, (B, T, D).",
        )
        require(
            shape != (B, T + 1, D),
            f"with {given} there are {T + 1} states: h_0 is among them. Return the {T} that the net has made.",
        )
        if shape == (T, B, D) and T != B:
            turned = close(found.detach().to(torch.float64).transpose(0, 1), elman(inputs, U, W, b, hidden=hidden))
            require(
                not turned,
                f"with {given} the shape is (T, B, D). Stack the states along the second axis: torch.stack(…, dim=1).",
            )
        found = student.tensor(
            inputs, hidden, U, W, b, shape=(B, T, D), meaning=f"{T} states of width {D} for each of {B} sentences"
        )

        def states(inputs=inputs, hidden=hidden, b=b, U=U, W=W):
            return elman(inputs, U, W, b, hidden=hidden, method="loop")

        expected = states()
        if close(found, expected):
            continue
        require(
            not close(found, states(hidden=torch.zeros_like(hidden))),
            "it starts from zeros. The state before the first word is given: hidden.",
        )
        require(not close(found, states(b=None)), "the constant b is missing.")
        alone = (inputs @ U.T + (hidden @ W.T)[:, None] + b).tanh()
        require(
            not close(found, alone),
            "every step starts from h_0. Hand the new state on: the next step needs the state just made.",
        )
        stateless = (inputs @ U.T + b).tanh()
        require(not close(found, stateless), "the old state is not used: each state depends on its own word only.")
        require(
            not close(found, expected[:, -1:].expand(B, T, D)),
            "all states are the same, the last one: one tensor was overwritten T times. Make a new one at each step.",
        )
        require(not close(found, states(inputs.flip(1))), "the words are read from the last to the first.")
        require(not close(found, states(inputs.flip(1)).flip(1)), "the words are read from the last to the first.")
        first = inputs[:, :1].expand_as(inputs)
        require(not close(found, states(first)), "every step reads the first word. Step t reads inputs[:, t].")
        linear, state = [], hidden
        for t in range(T):
            state = inputs[:, t] @ U.T + state @ W.T + b
            linear.append(state)
        require(not close(found, torch.stack(linear, dim=1)), "the tanh is missing from the step.")
        late = torch.cat([hidden[:, None], expected[:, :-1]], dim=1)
        require(
            not close(found, late),
            "the states are one word late: h_0 is the first, and the last is missing. Append after the step.",
        )
        mixed = expected.transpose(0, 1).reshape(B, T, D)
        require(
            B == 1 or T == 1 or not close(found, mixed),
            "reshape mixes the sentences. Stack with dim=1, or transpose.",
        )
        wrong = next(t for t in range(T) if not close(found[:, t], expected[:, t]))
        if wrong == 0:
            require(False, f"with {given} the first state is already wrong: is it tanh(x Uᵀ + h Wᵀ + b)?")
        require(False, f"with {given} the states are right up to word {wrong}, and wrong from word {wrong + 1} on.")


def _reaches(graph):
    """{node: everything it waits for, directly or through others}"""
    reached = {}

    def from_node(node):
        if node not in reached:
            reached[node] = set(graph[node]).union(*(from_node(needed) for needed in graph[node]))
        return reached[node]

    return {node: from_node(node) for node in graph}


def check_forced_graph(student):
    for T in (3, 1, 5):
        for net in ("output", "hidden", "both"):
            found, where = student(net, T), f'forced_graph("{net}", {T})'
            require(isinstance(found, dict), f"{where} is a {type(found).__name__}, not a dict {{result: [results]}}.")
            graph = {}
            for node, needed in found.items():
                if needed is ...:
                    raise NotAttempted
                require(
                    isinstance(needed, (list, tuple, set)),
                    f"{where}: what {node} waits for is {needed!r}. Put it in a list, which may be empty.",
                )
                graph[node] = list(needed)
            _compare_graphs(graph, net, T, where)


def _compare_graphs(graph, net, T, where):
    right = graphs.recurrent_with_outputs(T, net, teacher_forcing=True)
    for node in right:
        require(node in graph, f"{where} has no {node}: h1 to h{T} and y1 to y{T} are all computed.")
    for node in graph:
        require(node in right, f"{where} computes {node} too. Only h1 to h{T} and y1 to y{T} are results.")
    for node, needed in graph.items():
        for other in needed:
            require(
                other in right,
                f"{where}: {node} waits for {other!r}, which nobody computes. Words, true outputs and the start are "
                "given; list only results, h1, y1 and so on.",
            )
    try:
        span_of(graph)
    except ValueError as error:
        raise Wrong(f"{where}: {error}") from None
    waits, wanted = _reaches(graph), _reaches(right)
    for node in right:
        for other in sorted(wanted[node] - waits[node]):
            if other[0] == "h" and node[0] == "h":
                require(
                    False,
                    f"{where}: {node} does not wait for {other}. The teacher knows the true outputs; nobody knows a "
                    "true hidden state, so one that is fed back has to be computed.",
                )
            require(False, f"{where}: {node} does not wait for {other}. An output is made from the state of its word.")
        for other in sorted(waits[node] - wanted[node], reverse=True):  # outputs first: they bring states along
            if other[0] == "y":
                require(
                    False,
                    f"{where}: {node} waits for {other}. Under teacher forcing the true output is fed back instead, "
                    "and that is there before the training starts.",
                )
            if net == "output":
                require(False, f"{where}: {node} waits for {other}, but this net feeds back no hidden state.")
            require(False, f"{where}: {node} waits for {other}, which it does not need.")


def check_rounds(student):
    for T, layers in ((3, 1), (6, 1), (6, 3), (1, 2), (10, 4), (2, 7)):
        for net in ("hidden", "output", "both"):  # the simplest first
            for forced in (False, True):
                right = span_of(graphs.recurrent_with_outputs(T, net, teacher_forcing=forced, layers=layers))
                _compare_rounds(student(T, layers, net, forced), right, T, layers, net, forced)


def _compare_rounds(found, right, T, layers, net, forced):
    given = f'T = {T}, layers = {layers}, feeds_back = "{net}", teacher_forcing = {forced}'
    try:
        found = float(found)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"for {given} it returns a {type(found).__name__}; a number of rounds is needed.") from None
    if found == right:
        return
    said = f"for {given} you count {found:g} rounds. "
    waits_for_output = net != "hidden" and not forced
    require(
        found != right - 1,
        said + "That is one too few: the last output is made from the last state, one round later.",
    )
    require(
        not (forced and net != "output" and found == layers + 1),
        said + "The teacher gives true outputs, not true states: a hidden state that is fed back is still waited for.",
    )
    require(
        not (forced and net == "output" and found > right),
        said + "The true outputs are there from the start, so no word waits for another. What is left is the way "
        "through one word's layers and its output.",
    )
    require(
        not (net == "hidden" and layers > 1 and found >= T * layers),
        said + "The layers overlap: while layer 1 reads word 2, layer 2 can already read word 1. Draw three words.",
    )
    require(
        not (forced and net == "both" and found in (T * (layers + 1), T * layers)),
        said + "With the true outputs given, only the states are left to wait for, and the layers overlap.",
    )
    require(
        not (waits_for_output and found == T * layers),
        said + "The outputs count too: here each word makes its output before the next word may start.",
    )
    require(
        not (waits_for_output and found == T + layers),
        said + "Here the first layer waits for the output of the word before, and that one waits for all its layers.",
    )
    require(
        layers == 1 or found not in (T + 1, 2),
        said + "Each layer takes a round of its own: the first word alone needs layers + 1 rounds to its output.",
    )
    require(False, said + "Draw it for two words, as in 01.3, and count the results on the longest chain.")


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
        function="rounds_to_wait",
        task="Count the rounds until the last output is ready.",
        hints=(
            "Three cases: the computed output is fed back; only states have to be waited for; nothing is waited for.",
            "Follow one chain. To feed back an output, a word climbs all layers first. With states, layers overlap.",
            "One word takes layers + 1 rounds. With states fed back, each further word adds 1; with the output, …?",
        ),
        check=check_rounds,
    ),
]
